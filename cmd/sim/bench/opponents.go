package bench

import (
	"fmt"
	"strings"

	"hotline/cmd/hotline/demo"
	"hotline/cmd/sim/floor"
)

// Numbers that citizens dial to reach each opponent.
const (
	numberQueue = "90001" // Asterisk's own Queue()
	numberFloor = "90002" // an ARI loop without stores
	numberBare  = "90003" // StasisStart, answer, one write
	numberNext  = "90004" // the ARI loop without stores, whose seats ask for the next caller
)

// opponent is one way of bringing seats and callers together, by hanging up and by a person's wish.
type opponent struct {
	name, number, nextNumber string
}

const (
	nameQueue   = "Queue()"
	nameHotline = "hotline"
	nameFloor   = "ARI floor"
)

// Opponents are their names.
func Opponents() []string { return []string{nameQueue, nameHotline, nameFloor} }

func opponents() []opponent {
	return []opponent{{nameQueue, numberQueue, ""}, {nameHotline, demo.Number, demo.Number}, {nameFloor, numberFloor, numberNext}}
}

// endpoint names a seat's telephone as the opponents know it. hotline pushes its own endpoints to the same telephones.
func endpoint(i int) string { return fmt.Sprintf("q%02d", i+1) }

// configuration adds the opponents to Asterisk. Queue() gets its best case: it looks for a free member every second (its
// default is five), serves callers side by side, and rests nobody.
func configuration(seats int, telephones string) map[string]string {
	var pjsip, members strings.Builder
	for i := range seats {
		name := endpoint(i)
		fmt.Fprintf(&members, "member => PJSIP/%s\n", name)
		fmt.Fprintf(&pjsip, `
[%[1]s]
type = aor
contact = sip:%[1]s@%[2]s

[%[1]s]
type = endpoint
transport = transport-udp
context = seats-nothing
aors = %[1]s
disallow = all
allow = alaw
direct_media = no
send_connected_line = no
`, name, telephones)
	}
	return map[string]string{
		"pjsip.conf": pjsip.String(),
		"queues.conf": `[general]
autofill = yes

[bench]
strategy = leastrecent
timeout = 15
retry = 1
autofill = yes
ringinuse = no
wrapuptime = 0
musicclass = default
` + members.String(),
		"extensions.conf": fmt.Sprintf(`
[from-trunk]
exten => %[1]s,1,Answer()
 same => n,Queue(bench)
 same => n,Hangup()
exten => %[2]s,1,Stasis(%[5]s,%[6]s)
 same => n,Hangup()
exten => %[3]s,1,Stasis(%[5]s,%[7]s)
 same => n,Hangup()
exten => %[4]s,1,Stasis(%[5]s,%[8]s)
 same => n,Hangup()
`, numberQueue, numberFloor, numberBare, numberNext, floor.App, floor.ArgInbound, floor.ArgBare, floor.ArgWrapUp),
	}
}
