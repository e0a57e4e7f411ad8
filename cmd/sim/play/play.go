// Package play keeps a demo alive: officials at some seats, and citizens who call, speak, wait, and sometimes give up.
package play

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"hotline/cmd/sim/citizen"
	"hotline/cmd/sim/seat"
)

// Official is a simulated official.
type Official struct{ LoginName, Password, Seat string }

// Play says who plays where.
type Play struct {
	Base      string // of the server
	Trunk     string
	Number    string
	Cache     string // where speech is kept
	Officials []Official
	Calls     bool // citizens call
	Log       *slog.Logger
}

// Run plays until ctx ends.
func (p Play) Run(ctx context.Context) error {
	if len(p.Officials) == 0 && !p.Calls {
		<-ctx.Done()
		return nil
	}
	citizens, err := speech(ctx, p.Cache, "citizen", "您好，我想反映一个问题。我们小区旁边的工地，晚上十二点以后还在施工，噪音很大，老人和孩子都睡不好觉，希望有关部门能管一管，谢谢。")
	if err != nil {
		return err
	}
	officials, err := speech(ctx, p.Cache, "official", "您好，这里是省直单位接听席。您反映的情况我们已经记下来了，会在规定的时限内给您答复，请您保持电话畅通。")
	if err != nil {
		return err
	}
	if err := p.seat(ctx, officials); err != nil {
		return err
	}
	if p.Calls {
		p.call(ctx, citizens)
	}
	<-ctx.Done()
	return nil
}

// seat signs the officials in; they answer for as long as ctx lives.
func (p Play) seat(ctx context.Context, speechFile string) error {
	if len(p.Officials) == 0 {
		return nil
	}
	words, err := os.ReadFile(speechFile)
	if err != nil {
		return fmt.Errorf("read speech: %w", err)
	}
	office, err := seat.OpenOffice(ctx, p.Base, "127.0.0.3:0", seat.Manner{
		Ring: seat.Span{Min: time.Second, Max: 4 * time.Second}, Talk: seat.Span{Min: 20 * time.Second, Max: 70 * time.Second},
		WrapUp: seat.Span{Min: 4 * time.Second, Max: 15 * time.Second}, Speech: words,
	}, p.Log)
	if err != nil {
		return err
	}
	for _, o := range p.Officials {
		if err := office.Seat(ctx, seat.Person{LoginName: o.LoginName, Password: o.Password, Seat: o.Seat}); err != nil {
			return fmt.Errorf("seat a simulated official: %w", err)
		}
	}
	return nil
}

// most is how many simulated citizens are on the line at once.
const most = 12

// call lets citizens call, about one every ten seconds; a fifth of them are impatient.
func (p Play) call(ctx context.Context, speechFile string) {
	places := make(chan struct{}, most)
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		pause := time.Duration(rand.ExpFloat64() * float64(9*time.Second)) //nolint:gosec // when a simulated citizen calls is no secret
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(pause, 40*time.Second)):
		}
		select {
		case places <- struct{}{}:
		default:
			continue // enough are on the line
		}
		wg.Go(func() {
			defer func() { <-places }()
			err := citizen.Call(ctx, citizen.Caller{
				Trunk: p.Trunk, Number: p.Number, From: number(), IP: "127.0.0.2", Speech: speechFile, Patience: patience(),
			})
			if err != nil && ctx.Err() == nil {
				p.Log.WarnContext(ctx, "a simulated citizen's call went wrong", slog.Any("err", err))
			}
		})
	}
}

func patience() time.Duration {
	if rand.IntN(5) == 0 { //nolint:gosec // as above
		return 10*time.Second + rand.N(15*time.Second) //nolint:gosec // as above
	}
	return 6 * time.Minute
}

// number is one of a few hundred, so that citizens call again.
func number() string {
	codes := []string{"0551", "0552", "0553", "0554", "0555", "0556", "0558", "0563"}
	if rand.IntN(3) == 0 { //nolint:gosec // as above
		return fmt.Sprintf("138%08d", 55100000+rand.IntN(40)) //nolint:gosec // as above
	}
	return fmt.Sprintf("%s6%07d", codes[rand.IntN(len(codes))], 1234500+rand.IntN(40)) //nolint:gosec // as above
}

// speech renders a sentence to A-law once.
func speech(ctx context.Context, cache, name, text string) (string, error) {
	dir := filepath.Join(cache, "speech")
	file := filepath.Join(dir, name+".alaw")
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", fmt.Errorf("make %s: %w", dir, err)
	}
	wav, fresh := filepath.Join(dir, name+".wav"), filepath.Join(dir, name+".new.al")
	for _, args := range [][]string{
		{"espeak-ng", "-v", "cmn", "-s", "160", "-w", wav, text},
		{"sox", wav, "-t", "al", "-r", "8000", "-c", "1", fresh, "pad", "0", "1"},
	} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("speak with %s: %w: %s", args[0], err, out)
		}
	}
	_ = os.Remove(wav) // of no further use
	if err := os.Rename(fresh, file); err != nil {
		return "", fmt.Errorf("keep speech: %w", err)
	}
	return file, nil
}
