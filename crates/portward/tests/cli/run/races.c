// Races that try to get a socket past the supervisor: `RACES (listen|bind)`. Another thread puts a socket of the internet where a Unix
// socket stood, somewhere between the supervisor's look at the call and the kernel's own. Prints what came of it, and the microseconds
// for which a socket served unpinned: `races N past N mended N escaped N mean N longest N`.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const int SLOT = 200;
static atomic_long turn, done;
static atomic_int other;
static atomic_long delay;
static struct sockaddr_in at;
static volatile int binds;
static unsigned char address[128];

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void *swap(void *unused) {
    for (long mine = 1; !unused; mine++) {
        while (atomic_load(&turn) < mine) sched_yield();
        int64_t until = now() + atomic_load(&delay);
        while (now() < until) {}
        if (binds) memcpy(address, &at, sizeof at);
        dup2(atomic_load(&other), SLOT);
        atomic_store(&done, mine);
    }
    return NULL;
}

static int pinned(int s) {
    char device[16] = "";
    socklen_t length = sizeof device;
    if (getsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, device, &length) == 0 && strcmp(device, "lo") == 0) return 1;
    // The fence of one of UDP: a filter, by the number of its steps.
    length = 0;
    return binds && getsockopt(s, SOL_SOCKET, SO_GET_FILTER, 0, &length) == 0 && length > 0;
}

// Whether a socket serves: it listens, or it has the port that it asked for.
static int serves(int s) {
    int accepts = 0;
    socklen_t length = sizeof accepts;
    if (!binds) return getsockopt(s, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) == 0 && accepts;
    struct sockaddr_in name;
    length = sizeof name;
    return getsockname(s, (struct sockaddr *)&name, &length) == 0 && name.sin_port != 0;
}

int main(int count, char **words) {
    long races = count > 1 ? atol(words[1]) : 1000, past = 0, mended = 0, escaped = 0;
    binds = count > 2 && strcmp(words[2], "bind") == 0;
    int64_t sum = 0, longest = 0, usual = 20000;
    at.sin_family = AF_INET;
    at.sin_port = htons(9753);
    pthread_t swapper;
    if (pthread_create(&swapper, NULL, swap, NULL)) return 1;
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    snprintf(path.sun_path + 1, sizeof path.sun_path - 1, "race-%d", getpid());
    int bound = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(bound, (struct sockaddr *)&path, sizeof path)) return 2;
    uint64_t noise = 88172645463325252ULL;
    for (long race = 1; race <= races; race++) {
        int own = binds ? socket(AF_UNIX, SOCK_STREAM, 0) : bound;
        int s = socket(AF_INET, binds ? SOCK_DGRAM : SOCK_STREAM, 0);
        dup2(own, SLOT);
        if (binds) {
            memset(address, 0, sizeof address);
            memcpy(address, &path, sizeof path);
            snprintf((char *)address + 3, 60, "race-%d-%ld", getpid(), race);
        }
        noise ^= noise << 13, noise ^= noise >> 7, noise ^= noise << 17;
        atomic_store(&delay, (int64_t)(noise % (uint64_t)(usual * 3 / 2)));
        atomic_store(&other, s);
        atomic_store(&turn, race);
        int64_t begun = now();
        int r = binds ? bind(SLOT, (struct sockaddr *)address, sizeof at) : listen(SLOT, 1);
        int64_t ended = now();
        usual = (usual * 15 + (ended - begun)) / 16;
        if (usual > 200000) usual = 200000;
        if (usual < 2000) usual = 2000;
        while (atomic_load(&done) < race) sched_yield();
        if (r == 0 && serves(s) && !pinned(s)) {
            past++;
            int64_t deadline = ended + 20000000000LL;
            while (serves(s) && !pinned(s) && now() < deadline) {}
            int64_t window = now() - ended;
            if (serves(s) && !pinned(s)) escaped++;
            else {
                mended++;
                sum += window;
                if (window > longest) longest = window;
            }
        }
        close(s);
        close(SLOT);
        if (binds) close(own);
    }
    printf("races %ld past %ld mended %ld escaped %ld mean %lld longest %lld\n", races, past, mended, escaped,
           (long long)(mended ? sum / mended / 1000 : 0), (long long)(longest / 1000));
    return escaped != 0;
}
