package asterisk

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os/exec"
)

const rate = 8000

// Formats as sox takes them. G.711 A-law is the exchange's own format.
var (
	raw  = []string{"-t", "raw", "-e", "signed", "-b", "16", "-L", "-c", "1", "-r", "8000"} //nolint:gochecknoglobals // a constant list
	alaw = []string{"-t", "al", "-c", "1", "-r", "8000"}                                    //nolint:gochecknoglobals // a constant list
)

// sox converts in to a file; effects follow.
func sox(ctx context.Context, in []byte, from, to []string, out string, effects ...string) error {
	args := append([]string{"-V1"}, from...)
	args = append(append(append(args, "-"), to...), out)
	cmd := exec.CommandContext(ctx, "sox", append(args, effects...)...)
	cmd.Stdin = bytes.NewReader(in)
	if complaint, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("sox: %w: %s", err, complaint)
	}
	return nil
}

// melody is half a minute of soft pentatonic notes over a pad that never falls silent: ours, so free of anybody's licence.
// It loops without a click, since the pad has whole periods and each note fades within its bar.
func melody() []byte {
	const beat = 0.75
	// degrees of C pentatonic; -1 rests
	tune := []int{4, 3, 2, 3, 4, -1, 5, -1, 4, 3, 2, 1, 2, -1, 0, -1, 2, 3, 4, 5, 6, -1, 5, -1, 4, 2, 3, 1, 0, -1, -1, -1}
	scale := []float64{261.63, 293.66, 329.63, 392, 440, 523.25, 587.33}
	pcm := make([]float64, int(float64(len(tune))*beat*rate))
	for i := range pcm {
		at := float64(i) / rate
		swell := 0.8 + 0.2*math.Sin(2*math.Pi*at/6)
		pcm[i] = swell * (0.05*math.Sin(2*math.Pi*130*at) + 0.04*math.Sin(2*math.Pi*196*at))
	}
	for n, degree := range tune {
		if degree < 0 {
			continue
		}
		start, length := int(float64(n)*beat*rate), int(2*beat*rate)
		for i := range min(length, len(pcm)-start) {
			at := float64(i) / rate
			loud := 0.22 * math.Min(1, at/0.02) * math.Exp(-2.2*at) * (1 - float64(i)/float64(length))
			f := 2 * math.Pi * scale[degree] * at
			pcm[start+i] += loud * (math.Sin(f) + 0.25*math.Sin(2*f) + 0.08*math.Sin(3*f))
		}
	}
	return samples(pcm)
}

// beep asks for the message.
func beep() []byte {
	pcm := make([]float64, rate*4/10)
	for i := range pcm {
		at := float64(i) / float64(len(pcm))
		pcm[i] = 0.3 * math.Sin(2*math.Pi*950*float64(i)/rate) * math.Min(1, math.Min(at, 1-at)*20)
	}
	return samples(pcm)
}

func samples(pcm []float64) []byte {
	out := make([]byte, 0, 2*len(pcm))
	for _, v := range pcm {
		out = binary.LittleEndian.AppendUint16(out, uint16(int16(max(-1, min(1, v))*32767)))
	}
	return out
}
