package ari

import "hotline/telephony"

// Decoder is one decoder, for the tests.
func Decoder() func(frame []byte) (string, telephony.Signal) {
	d := newDecoder()
	return d.decode
}

// Decode is a decoder that has heard nothing yet.
func Decode(frame []byte) (string, telephony.Signal) { return Decoder()(frame) }
