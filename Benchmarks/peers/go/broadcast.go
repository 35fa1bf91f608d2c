// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
	"runtime"
	"sync"
)

// A member that does not read is dropped when this much waits for it.
const backlogLimit = 4 << 20

type hub struct {
	size    int
	filling *group
	arrived int
}

type group struct {
	mutex   sync.Mutex
	members []*member
}

// What waits to be written. A goroutine for each member writes all of it at once: nobody waits for a slow one.
type member struct {
	connection net.Conn
	mutex      sync.Mutex
	waiting    []byte
	wake       chan struct{}
}

// Called for one connection after the other, in order of arrival.
func (hub *hub) join(connection net.Conn) {
	if hub.filling == nil || hub.size > 0 && hub.arrived == hub.size {
		hub.filling, hub.arrived = &group{}, 0
	}
	hub.arrived++
	group := hub.filling
	newcomer := &member{connection: connection, wake: make(chan struct{}, 1)}
	group.mutex.Lock()
	group.members = append(group.members, newcomer)
	group.mutex.Unlock()
	go newcomer.write()
	go func() {
		readPackets(connection, func(packets []byte) error {
			group.say(packets)
			return nil
		})
		group.leave(newcomer)
	}()
}

func (group *group) say(packets []byte) {
	group.mutex.Lock()
	defer group.mutex.Unlock()
	for _, member := range group.members {
		member.put(packets)
	}
}

func (group *group) leave(leaver *member) {
	group.mutex.Lock()
	defer group.mutex.Unlock()
	for index, member := range group.members {
		if member == leaver {
			group.members = append(group.members[:index], group.members[index+1:]...)
			break
		}
	}
	close(leaver.wake)
	leaver.connection.Close()
}

func (member *member) put(packets []byte) {
	member.mutex.Lock()
	member.waiting = append(member.waiting, packets...)
	count := len(member.waiting)
	member.mutex.Unlock()
	if count > backlogLimit {
		// Its reader ends with that, and takes it out of the group.
		member.connection.Close()
	}
	if count == len(packets) {
		select {
		case member.wake <- struct{}{}:
		default:
		}
	}
}

func (member *member) write() {
	var flying []byte
	for range member.wake {
		// Those who were ready to read say their part before it goes out.
		runtime.Gosched()
		member.mutex.Lock()
		flying, member.waiting = member.waiting, flying[:0]
		member.mutex.Unlock()
		if _, err := member.connection.Write(flying); err != nil {
			member.connection.Close()
			return
		}
	}
}
