// Package audio listens to A-law packets: how loud they are, and which tones are in them. Tests assert what is heard from it,
// never from events (telephony.md 7.32). It knows no network.
package audio

import "math"

// Rate is the sampling rate of G.711 in Hz.
const Rate = 8000

// Decode turns A-law (G.711) into samples between -1 and 1.
func Decode(alaw []byte) []float64 {
	out := make([]float64, len(alaw))
	for i, b := range alaw {
		out[i] = sample(b)
	}
	return out
}

func sample(b byte) float64 {
	b ^= 0x55
	mantissa := int(b&0x0f)<<4 + 8
	if exponent := int(b >> 4 & 7); exponent > 0 {
		mantissa = (mantissa + 0x100) << (exponent - 1)
	}
	if b&0x80 == 0 {
		mantissa = -mantissa
	}
	return float64(mantissa) / 32768
}

// Energy is the mean square of the samples: 0 is silence, a full sine 0.5.
func Energy(samples []float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	sum := 0.0
	for _, s := range samples {
		sum += s * s
	}
	return sum / float64(len(samples))
}

// Tone is the part of the energy that lies at a frequency in Hz (Goertzel): near 1 for that pure tone, near 0 for others.
func Tone(samples []float64, hz float64) float64 {
	energy := Energy(samples)
	if energy < 1e-7 {
		return 0
	}
	coefficient := 2 * math.Cos(2*math.Pi*hz/Rate)
	var a, b float64
	for _, s := range samples {
		a, b = s+coefficient*a-b, a
	}
	n := float64(len(samples))
	power := (a*a + b*b - coefficient*a*b) * 2 / (n * n)
	return power / energy
}

// Sine is a tone as A-law, a whole number of periods long so that it can be repeated without a click.
func Sine(hz int, volume float64) []byte {
	out := make([]byte, Rate)
	for i := range out {
		out[i] = Encode(volume * math.Sin(2*math.Pi*float64(hz)*float64(i)/Rate))
	}
	return out
}

// Encode turns a sample between -1 and 1 into A-law.
func Encode(v float64) byte {
	n := int(max(-1, min(1, v)) * 32767)
	sign := byte(0x80)
	if n < 0 {
		sign, n = 0, -n-1
	}
	exponent := 7
	for mask := 0x4000; exponent > 0 && n&mask == 0; mask >>= 1 {
		exponent--
	}
	shift := exponent + 3
	if exponent == 0 {
		shift = 4
	}
	return (sign | byte(exponent)<<4 | byte(n>>shift&0x0f)) ^ 0x55
}
