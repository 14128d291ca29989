// A client and a server as Go programs have them.
package main

import (
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	var err error
	if os.Args[1] == "get" {
		client := http.Client{Timeout: time.Second}
		_, err = client.Get(os.Args[2])
	} else if os.Args[1] == "udp" {
		_, err = net.ListenPacket("udp", os.Args[2])
	} else {
		err = http.ListenAndServe(os.Args[2], nil)
	}
	log.Fatal(err)
}
