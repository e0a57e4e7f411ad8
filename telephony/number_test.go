package telephony_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotline/telephony"
)

func TestNormalise(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ raw, want, masked, place string }{
		{"13812345678", "13812345678", "138****5678", ""},
		{"+8613812345678", "13812345678", "138****5678", ""},
		{"8613812345678", "13812345678", "138****5678", ""},
		{"008613812345678", "13812345678", "138****5678", ""},
		{"013812345678", "13812345678", "138****5678", ""},
		{"138 1234-5678", "13812345678", "138****5678", ""},
		{"１３８１２３４５６７８", "13812345678", "138****5678", ""},
		{"＋８６ 138 1234 5678", "13812345678", "138****5678", ""},
		{"sip:13812345678@10.0.0.1:5060;user=phone", "13812345678", "138****5678", ""},
		{"SIPS:%2B8613812345678@carrier.example", "13812345678", "138****5678", ""},
		{`"Li" <sip:+8613812345678;npdi@carrier.example>;tag=1`, "13812345678", "138****5678", ""},
		{"tel:+86-138-1234-5678;phone-context=+86", "13812345678", "138****5678", ""},
		{"055162345678", "055162345678", "0551****678", "合肥"},
		{"(0551) 6234 5678", "055162345678", "0551****678", "合肥"},
		{"+86 551 6234 5678", "055162345678", "0551****678", "合肥"},
		{"+86 0551 6234 5678", "055162345678", "0551****678", "合肥"},
		{"05585123456", "05585123456", "0558****456", "阜阳、亳州"},
		{"01062345678", "01062345678", "010****5678", ""},
		{"+861062345678", "01062345678", "010****5678", ""},
		{"02162345678", "02162345678", "021****5678", ""},
		{"05711234567", "05711234567", "0571****567", ""},
		{"+4001234567", "+4001234567", "+400****4567", ""},
		{"+864001234567", "4001234567", "400****4567", ""},
		{"+85291234567", "+85291234567", "+852****4567", ""},
		{"0085291234567", "+85291234567", "+852****4567", ""},
		{"62345678", "62345678", "****5678", ""},
		{"10086", "10086", "****86", ""},
		{"110", "110", "****0", ""},
		{"", "", "", ""},
		{"anonymous", "", "", ""},
		{"sip:Anonymous@anonymous.invalid", "", "", ""},
		{"<unknown>", "", "", ""},
		{"匿名", "", "", ""},
	} {
		n, err := telephony.Normalise(c.raw)
		require.NoError(t, err, c.raw)
		require.Equal(t, c.want, string(n), c.raw)
		require.Equal(t, c.masked, n.Masked(), c.raw)
		require.Equal(t, c.place, n.Place(), c.raw)
	}
	for _, raw := range []string{
		"alice", "sip:alice@example.org", "12", "+", "1234567890123456", "+86", "+861", "+0123456789", "00000000",
		"138'; DROP TABLE call;--", "1381234567%zz", "١٣٨١٢٣٤٥٦٧٨", "138+12345678", "++8613812345678", "sip:%ff@x", "+1234567",
	} {
		n, err := telephony.Normalise(raw)
		require.ErrorIs(t, err, telephony.ErrNumber, raw)
		require.Empty(t, n, raw)
	}
}

func TestNumberIsNeverPrintedInFull(t *testing.T) {
	t.Parallel()
	n := telephony.PhoneNumber("13812345678")
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("call", "number", n)
	for _, text := range []string{log.String(), fmt.Sprint(n), fmt.Sprintf("%v %s %#v %+v", n, n, n, struct{ N telephony.PhoneNumber }{n})} {
		require.Contains(t, text, "138****5678")
		require.NotContains(t, text, "13812345678")
	}
}

// Every way of writing a mobile or a fixed line leads to the same number, and the normal form is its own normal form.
func TestNormaliseLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		national := rapid.OneOf(
			rapid.StringMatching(`1[3-9][0-9]{9}`),
			rapid.StringMatching(`0(10|2[0-9])[1-9][0-9]{7}`),
			rapid.StringMatching(`0([35679][0-9]|[48][1-9])[0-9][1-9][0-9]{6,7}`), // 400 and 800 are service numbers, not areas
		).Draw(t, "number")
		dress := rapid.SampledFrom([]func(string) string{
			func(s string) string { return s },
			func(s string) string { return "+86" + strings.TrimPrefix(s, "0") },
			func(s string) string { return "0086" + s },
			func(s string) string { return "sip:" + s + "@10.1.2.3" },
			func(s string) string { return "<tel:+86-" + s[:4] + "-" + s[4:] + ">" },
			func(s string) string { return s[:3] + " " + s[3:7] + " " + s[7:] },
			func(s string) string {
				return strings.Map(func(r rune) rune { return r - '0' + '０' }, s)
			},
		}).Draw(t, "dress")
		n, err := telephony.Normalise(dress(national))
		require.NoError(t, err)
		require.Equal(t, national, string(n))
		checkNumber(t, n)
	})
}

func FuzzNormalise(f *testing.F) {
	for _, seed := range []string{
		"13812345678", "+8613812345678", "sip:anonymous@anonymous.invalid", "tel:+86-551-6234-5678", "１３８", "0\x00", "<<>", "%",
		"0086", "+86013812345678", "00861380013800", "86861380013800", "+8686138001380",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		_ = telephony.PhoneNumber(raw).Place()
		require.LessOrEqual(t, digits(telephony.PhoneNumber(raw).Masked()), 7)
		if n, err := telephony.Normalise(raw); err == nil {
			checkNumber(t, n)
		} else {
			require.Empty(t, n)
		}
	})
}

func checkNumber(t require.TestingT, n telephony.PhoneNumber) {
	again, err := telephony.Normalise(string(n))
	require.NoError(t, err)
	require.Equal(t, string(n), string(again), "normal form")
	shown := digits(n.Masked())
	require.LessOrEqual(t, shown, 7)
	if n != "" {
		require.Less(t, shown, digits(string(n)), "something is hidden")
		require.LessOrEqual(t, digits(string(n)), 15)
	}
}

func digits(s string) int {
	count := 0
	for _, r := range s {
		if unicode.IsDigit(r) {
			count++
		}
	}
	return count
}
