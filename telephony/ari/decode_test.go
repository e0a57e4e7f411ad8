package ari_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
	"hotline/telephony/ari"
)

// TestL27 : dates that are null, absent or odd cost no event.
func TestL27(t *testing.T) {
	t.Parallel()
	for _, frame := range []string{
		`{"type":"ChannelDestroyed","timestamp":null,"cause":16,"tech_cause":200,"channel":{"id":"x","creationtime":null}}`,
		`{"type":"ChannelDestroyed","cause":16,"tech_cause":200,"channel":{"id":"x"}}`,
		`{"type":"ChannelDestroyed","timestamp":"yesterday","cause":16,"tech_cause":200,"channel":{"id":"x","creationtime":7}}`,
	} {
		kind, s := ari.Decode([]byte(frame))
		require.Equal(t, "ChannelDestroyed", kind)
		require.Equal(t, telephony.LegGone{Leg: "x", Cause: 16, TechCause: 200}, s)
	}
	_, s := ari.Decode([]byte(`{"type":"ChannelDestroyed","cause":"none","channel":{"id":"x","state":7}}`))
	require.Equal(t, telephony.LegGone{Leg: "x"}, s, "who is gone is gone, whatever the cause")
}

// TestEnteredTime : Asterisk's own stamp, or the channel's.
func TestEnteredTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 0, 30, 1, 500e6, time.UTC)
	for _, frame := range []string{
		`{"type":"StasisStart","timestamp":"2026-11-26T08:30:01.500+0800","args":["seat","o"],"channel":{"id":"x"}}`,
		`{"type":"StasisStart","args":["seat","o"],"channel":{"id":"x","creationtime":"2026-11-26T08:30:01.500+0800"}}`,
	} {
		_, s := ari.Decode([]byte(frame))
		require.Equal(t, telephony.Entered{Leg: "x", Args: []string{"seat", "o"}, At: at}, s)
	}
}

// FuzzDecode : no frame makes the decoder panic, and what it reports is always about something.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"type":"StasisStart","timestamp":"2026-11-26T08:30:01.500+0800","args":["inbound","12345"],"channel":{"id":"1.1","state":"Ring","caller":{"number":"138"},"dialplan":{"exten":"12345"},"creationtime":"2026-11-26T08:30:01.500+0800"}}`,
		`{"type":"ChannelStateChange","channel":{"id":"1.1","state":"Up"}}`,
		`{"type":"Dial","dialstatus":"RINGING","peer":{"id":"o"}}`,
		`{"type":"ChannelHangupRequest","soft":true,"cause":32,"channel":{"id":"1.1"}}`,
		`{"type":"ChannelDestroyed","cause":19,"tech_cause":480,"channel":{"id":"1.1"}}`,
		`{"type":"ChannelEnteredBridge","bridge":{"id":"b"},"channel":{"id":"1.1"}}`,
		`{"type":"PlaybackFinished","playback":{"id":"p","state":"failed"}}`,
		`{"type":"EndpointStateChange","endpoint":{"technology":"PJSIP","resource":"s","state":"online"}}`,
		`{"type":"ApplicationReplaced"}`, `{"type":"ChannelTransfer"}`, `null`, `{`, ``, `{"type":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		kind, s := ari.Decode(frame)
		require.NotEmpty(t, kind)
		if s, ok := s.(telephony.Entered); ok {
			require.NotEmpty(t, s.Leg)
		}
		if s, ok := s.(telephony.LegGone); ok {
			require.NotEmpty(t, s.Leg)
		}
		if s, ok := s.(telephony.EnteredBridge); ok {
			require.NotEmpty(t, s.Leg)
			require.NotEmpty(t, s.Bridge)
		}
		if s, ok := s.(telephony.PlayDone); ok {
			require.NotEmpty(t, s.Playback)
		}
		if s, ok := s.(telephony.Unknown); ok {
			require.LessOrEqual(t, len(s.Type), 64)
		}
	})
}
