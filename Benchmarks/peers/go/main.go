// SPDX-License-Identifier: Apache-2.0

// The peer of Go's net package: echo, packets and broadcast, one goroutine for each connection.
//
//	go-peer [--port N] [--mode echo|packet|broadcast] [--group G] [--threads N]
//
// --threads is GOMAXPROCS. Go sets TCP_NODELAY by itself.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"runtime"
)

func main() {
	port := flag.Int("port", 0, "port on 127.0.0.1, 0 for a free one")
	mode := flag.String("mode", "echo", "echo, packet or broadcast")
	size := flag.Int("group", 10, "members of a group, 0 for everybody")
	threads := flag.Int("threads", 1, "threads that run Go code")
	flag.Parse()
	runtime.GOMAXPROCS(*threads)
	hub := hub{size: *size}
	handle := map[string]func(net.Conn){"echo": echo, "packet": echoPackets, "broadcast": hub.join}[*mode]
	if handle == nil {
		log.Fatalf("no mode %s", *mode)
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening %s\nready\n", listener.Addr())
	for {
		connection, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		handle(connection)
	}
}

func echo(connection net.Conn) {
	go func() {
		defer connection.Close()
		buffer := make([]byte, firstBuffer)
		for {
			count, err := connection.Read(buffer)
			if err != nil {
				return
			}
			if _, err := connection.Write(buffer[:count]); err != nil {
				return
			}
		}
	}()
}

// A write blocks until the socket has taken it, so whoever does not read is not read from.
func echoPackets(connection net.Conn) {
	go func() {
		defer connection.Close()
		readPackets(connection, func(packets []byte) error {
			_, err := connection.Write(packets)
			return err
		})
	}()
}
