package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"hotline/cmd/hotline/demo"
	"hotline/cmd/sim/phone"
	"hotline/cmd/sim/seat"
)

// pops measures B3: from the citizen's 200 OK to the frame in the browser, while boards listen.
type pops struct {
	hall    *hall
	citizen *phone.Phone
	offers  chan time.Time   // frames at any seat's page
	bare    <-chan time.Time // frames of the opponent
}

func openPops(ctx context.Context, h *hall, boards int) (*pops, error) {
	p := &pops{hall: h, offers: make(chan time.Time, 64)}
	var err error
	if p.citizen, err = phone.Open(ctx, "127.0.0.2:0", nil); err != nil {
		return nil, err
	}
	if p.bare, err = h.floor.bareFrames(ctx); err != nil {
		return nil, err
	}
	for id, who := range h.people {
		err := listen(ctx, who, "seat:"+id, func(b []byte, at time.Time) {
			if isOffer(b) {
				p.offers <- at
			}
		})
		if err != nil {
			return nil, err
		}
	}
	for _, a := range h.demo.People {
		if a.Role != "supervisor" {
			continue
		}
		who, err := seat.SignIn(ctx, h.demo.Panel, a.LoginName, a.Password)
		if err != nil {
			return nil, err
		}
		for i := range boards {
			if err := listen(ctx, who, "board", nil); err != nil {
				return nil, fmt.Errorf("board %d: %w", i+1, err)
			}
		}
		break
	}
	return p, nil
}

// popRound is one side's turn.
type popRound struct {
	called   Sample // from the citizen's INVITE
	answered Sample // from the 200 OK; less than nothing where the page was told first
	lost     int
	journeys []journey
}

// round makes calls, one after the other, and measures each.
func (p *pops) round(ctx context.Context, number string, calls int) (popRound, error) {
	heard, who := (<-chan time.Time)(p.offers), opponent{name: nameHotline}
	if number == numberBare {
		heard, who = p.bare, opponent{name: nameFloor}
	}
	p.hall.telephones.begin(manner{talk: span{min: time.Minute, max: time.Minute}}) // the citizen hangs up
	p.hall.marks(ctx, who)                                                          // of before
	var r popRound
	for range calls {
		if err := p.call(ctx, number, heard, &r); err != nil {
			return popRound{}, err
		}
		pause(ctx, 50*time.Millisecond+rand.N(50*time.Millisecond)) //nolint:gosec // when a simulated citizen calls is no secret
	}
	if p.hall.traced {
		p.hall.named("a pop, "+who.name, "INVITE sent", "frame read by the page").follow(p.hall.marks(ctx, who), r.journeys)
	}
	return r, p.hall.clear(ctx)
}

func (p *pops) call(ctx context.Context, number string, heard <-chan time.Time, r *popRound) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for len(heard) > 0 {
		<-heard // of a call before
	}
	v, err := phone.NewVoice("127.0.0.2", nil, nil)
	if err != nil {
		return err
	}
	defer v.Close()
	called := time.Now()
	c, err := p.citizen.Dial(ctx, fmt.Sprintf("sip:%s@%s", number, p.hall.demo.Trunk), "055162345678", v)
	if err != nil {
		return err
	}
	defer c.Hangup(ctx) //nolint:errcheck // the other side may have been faster
	select {
	case at := <-heard:
		r.called = append(r.called, at.Sub(called))
		r.answered = append(r.answered, at.Sub(c.Answered))
		r.journeys = append(r.journeys, journey{from: called, to: at})
		pause(ctx, 60*time.Millisecond) // long enough for the seat to answer
	case <-time.After(3 * time.Second):
		r.lost++
	case <-ctx.Done():
	}
	return ctx.Err()
}

// popNumbers are the two sides of B3.
func popNumbers() [2]string { return [2]string{demo.Number, numberBare} }
