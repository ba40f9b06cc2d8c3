package stream_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"time"
)

// The opcodes of frames.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa
)

// frame is a websocket frame that a client sent.
type frame struct {
	at      time.Time
	op      byte
	payload string
}

// readFrame reads a frame of a client. They are masked.
func readFrame(r *bufio.Reader) (frame, error) {
	var head [14]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return frame{}, err
	}
	length := uint64(head[1] & 0x7f)
	more := map[uint64]int{126: 2, 127: 8}[length]
	if _, err := io.ReadFull(r, head[2:2+more+4]); err != nil {
		return frame{}, err
	}
	switch more {
	case 2:
		length = uint64(binary.BigEndian.Uint16(head[2:]))
	case 8:
		length = binary.BigEndian.Uint64(head[2:])
	}
	mask := head[2+more : 2+more+4]
	payload := make([]byte, length)
	if _, err := io.ReadFull(r, payload); err != nil {
		return frame{}, err
	}
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return frame{at: time.Now(), op: head[0] & 0xf, payload: string(payload)}, nil
}

// head is the beginning of a frame of a server, up to the payload.
func head(final bool, op byte, length int) []byte {
	b := []byte{op, 0}
	if final {
		b[0] |= 0x80
	}
	switch {
	case length < 126:
		b[1] = byte(length)
	case length < 1<<16:
		b[1] = 126
		b = binary.BigEndian.AppendUint16(b, uint16(length))
	default:
		b[1] = 127
		b = binary.BigEndian.AppendUint64(b, uint64(length))
	}
	return b
}
