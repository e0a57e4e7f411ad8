package ari

import "hotline/telephony"

// Decode is the decoder, for the tests.
func Decode(frame []byte) (string, telephony.Signal) {
	d := newDecoder()
	return d.decode(frame)
}
