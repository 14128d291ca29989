// A 32-bit program without a library: it serves and dials by the numbers of i386, directly or by socketcall(2).
// elder direct|socketcall tcp|udp|unix|dial|wrong
typedef unsigned int u32;

static int call(u32 number, u32 a, u32 b, u32 c, u32 d, u32 e) {
    int done;
    __asm__ volatile("int $0x80" : "=a"(done) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
    return done;
}

static int indirect;

// Numbers among those of socketcall, and of their own.
static int on_socket(u32 among, u32 number, u32 a, u32 b, u32 c, u32 d, u32 e) {
    u32 words[] = {a, b, c, d, e};
    return indirect ? call(102, among, (u32)words, 0, 0, 0) : call(number, a, b, c, d, e);
}

static u32 length(const char *text) {
    u32 at = 0;
    while (text[at]) at++;
    return at;
}

static void say(const char *text) { call(4, 1, (u32)text, length(text), 0, 0); }

static void say_number(int number) {
    char digits[12];
    int at = 11, negative = number < 0;
    u32 left = negative ? -number : number;
    digits[at] = 0;
    do digits[--at] = '0' + left % 10; while (left /= 10);
    if (negative) digits[--at] = '-';
    say(digits + at);
    say(" ");
}

static unsigned short swapped(unsigned short number) { return number << 8 | number >> 8; }

struct inet { unsigned short family, port; u32 address, rest[2]; };
struct path { unsigned short family; char name[14]; };

static int is(const char *one, const char *other) {
    while (*one && *one == *other) one++, other++;
    return *one == *other;
}

static void serve(u32 family, u32 type, const void *address, u32 size) {
    int socket = on_socket(1, 359, family, type, 0, 0, 0);
    say_number(on_socket(2, 361, socket, (u32)address, size, 0, 0));
    if (type == 1) say_number(on_socket(4, 363, socket, 5, 0, 0, 0));
    if (family != 2) return;
    struct inet name = {0};
    u32 has = sizeof name;
    on_socket(6, 367, socket, (u32)&name, (u32)&has, 0, 0);
    say_number(swapped(name.port) % 100);
    char device[16] = {0};
    has = sizeof device;
    on_socket(15, 365, socket, 1, 25, (u32)device, (u32)&has);
    // A filter, by the number of its steps.
    has = 0;
    if (!device[0]) on_socket(15, 365, socket, 1, 26, 0, (u32)&has);
    say(device[0] ? device : has ? "fenced" : "-");
    say("\n");
    char byte;
    call(3, 0, (u32)&byte, 1, 0, 0);
}

__attribute__((used)) static void begin(u32 *stack) {
    char **words = (char **)(stack + 1);
    indirect = is(words[1], "socketcall");
    struct inet any = {2, swapped(is(words[2], "udp") ? 5311 : 3000), 0, {0, 0}};
    if (is(words[2], "tcp")) serve(2, 1, &any, sizeof any);
    if (is(words[2], "udp")) serve(2, 2, &any, sizeof any);
    if (is(words[2], "unix")) {
        struct path path = {1, "elder.sock"};
        serve(1, 1, &path, 2 + 11);
    }
    if (is(words[2], "dial")) {
        struct inet here = {2, swapped(3000), 0x0100007f, {0, 0}};
        int socket = on_socket(1, 359, 2, 1, 0, 0, 0);
        say_number(on_socket(3, 362, socket, (u32)&here, sizeof here, 0, 0));
        char heard[17] = {0};
        call(3, socket, (u32)heard, 16, 0, 0);
        say(heard);
    }
    if (is(words[2], "wrong")) {
        // No memory, no descriptor, too short, and no call of that number.
        int socket = on_socket(1, 359, 2, 1, 0, 0, 0);
        say_number(call(102, 2, 0, 0, 0, 0));
        say_number(on_socket(2, 361, 99, (u32)&any, sizeof any, 0, 0));
        say_number(on_socket(2, 361, socket, 1, sizeof any, 0, 0));
        say_number(on_socket(2, 361, socket, (u32)&any, 3, 0, 0));
        say_number(on_socket(4, 363, -1, 5, 0, 0, 0));
        say_number(call(425, 8, 0, 0, 0, 0));
    }
    call(1, 0, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start: mov %esp, %eax\npush %eax\ncall begin\n");
