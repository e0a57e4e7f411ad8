package ari_test

import (
	"fmt"
	"testing"

	"hotline/telephony/ari"
)

// BenchmarkDecode reads events as Asterisk 22 writes them, more of them than are taken for repetitions.
func BenchmarkDecode(b *testing.B) {
	frames := make([][]byte, 32)
	for i := range frames {
		frames[i] = fmt.Appendf(nil, `{"cause":%d,"soft":false,"timestamp":"2026-11-26T08:30:01.500+0800","type":"ChannelHangupRequest","channel":{"id":"hl-0190a","name":"PJSIP/seat-A01-00000012","state":"Up","protocol_id":"5b2f6a1e-7d","caller":{"name":"","number":""},"connected":{"name":"","number":""},"accountcode":"","dialplan":{"context":"from-seats","exten":"s","priority":1,"app_name":"Stasis","app_data":"hotline,seat,x"},"creationtime":"2026-11-26T08:29:01.500+0800","language":"zh"},"asterisk_id":"52:54:00:12:34:56","application":"hotline"}`, i)
	}
	decode := ari.Decoder()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		decode(frames[i%len(frames)])
	}
}
