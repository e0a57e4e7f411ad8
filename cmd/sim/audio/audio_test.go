package audio_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotline/cmd/sim/audio"
)

func TestToneIsFoundAmongOthers(t *testing.T) {
	t.Parallel()
	heard := audio.Decode(audio.Sine(1000, 0.5)[:1600])
	require.InDelta(t, 0.125, audio.Energy(heard), 0.01)
	require.Greater(t, audio.Tone(heard, 1000), 0.95)
	require.Less(t, audio.Tone(heard, 600), 0.01)
	require.Zero(t, audio.Tone(make([]float64, 160), 1000), "silence has no tone")
}

// What is encoded comes back within A-law's step, and coding what was decoded changes nothing.
func TestEncodeDecode(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64Range(-0.98, 0.98).Draw(t, "sample")
		b := audio.Encode(v)
		back := audio.Decode([]byte{b})[0]
		require.InDelta(t, v, back, 0.04*max(v, -v)+0.0006)
		require.Equal(t, b, audio.Encode(back))
	})
}
