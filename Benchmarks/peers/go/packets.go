// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"net"
)

const (
	header        = 4
	firstBuffer   = 16 << 10
	largestPacket = 64 << 10
)

// Bytes of whole packets at the beginning, the size of the one that follows (0 while that is not there), and whether
// what follows can be a packet at all.
func cut(data []byte) (whole, next int, valid bool) {
	for len(data)-whole >= 2 {
		size := int(binary.LittleEndian.Uint16(data[whole:]))
		if size < header {
			return whole, 0, false
		}
		if size > len(data)-whole {
			return whole, size, true
		}
		whole += size
	}
	return whole, 0, true
}

// Hands over runs of whole packets, which are borrowed until handle returns, until the stream ends or is invalid.
func readPackets(connection net.Conn, handle func([]byte) error) {
	buffer := make([]byte, firstBuffer)
	held := 0
	for {
		count, err := connection.Read(buffer[held:])
		if err != nil {
			return
		}
		held += count
		whole, next, valid := cut(buffer[:held])
		if whole > 0 && handle(buffer[:whole]) != nil {
			return
		}
		if !valid {
			return
		}
		held = copy(buffer, buffer[whole:held])
		if next > len(buffer) {
			buffer = append(make([]byte, 0, largestPacket), buffer[:held]...)[:largestPacket]
		}
	}
}
