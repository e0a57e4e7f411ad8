package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"hotline/agent/policy"
)

// PhoneBeside is the telephone of a place beside, as the exchange knows it.
type PhoneBeside struct {
	Endpoint string
	HA1      string
	Over     bool // its sitting has ended: the exchange is to know it no more
}

// PhoneBeside gives a page of who sits at a place beside a fresh telephone account of their own; the one before ends. Calls are offered
// to the answering place's alone. ErrNotAllowed for who does not sit there.
func (s *Service) PhoneBeside(ctx context.Context, by Identity, at Sitting, client string) (Account, error) {
	switch {
	case (&State{}).side(at.Place) == nil || !by.Can(policy.PhoneBeside, policy.Resource{Own: true}):
		return Account{}, ErrNotAllowed
	case client == "":
		return Account{}, &FieldError{Field: "client", Mend: "the page has to name itself"}
	}
	acc, err := s.newAccount(PhoneBrowser, string(at.Place))
	if err != nil {
		return Account{}, err
	}
	// The exchange first: what it knows and no row names is dropped here, and nobody has its secret.
	if err := s.Phones.Put(ctx, acc.Endpoint, acc.HA1, ""); err != nil {
		return Account{}, fmt.Errorf("telephone of the %s at seat %s: put endpoint: %w", at.Place, at.Seat, err)
	}
	old, err := s.Store.ConnectBeside(ctx, at, by.Person, client, acc)
	if errors.Is(err, ErrNotFound) {
		err = ErrNotAllowed
	}
	if err != nil {
		s.drop(ctx, at.Seat, acc.Endpoint)
		return Account{}, err
	}
	if old != "" {
		s.drop(ctx, at.Seat, old)
	}
	return acc, nil
}

// repushBeside gives the exchange the telephones of who sits beside again, and takes away those of who does not any more.
func (s *Service) repushBeside(ctx context.Context) error {
	phones, err := s.Store.PhonesBeside(ctx)
	if err != nil {
		return fmt.Errorf("repush endpoints: %w", err)
	}
	var errs []error
	var put []PhoneBeside
	for _, p := range phones {
		if p.Over {
			errs = append(errs, s.dropBeside(ctx, p))
			continue
		}
		put = append(put, p)
		if err := s.Phones.Put(ctx, p.Endpoint, p.HA1, ""); err != nil {
			errs = append(errs, fmt.Errorf("repush endpoint %s: %w", p.Endpoint, err))
		}
	}
	return errors.Join(append(errs, s.dropOvertaken(ctx, put))...)
}

// dropOvertaken takes those away again whose place was given back while they were put.
func (s *Service) dropOvertaken(ctx context.Context, put []PhoneBeside) error {
	if len(put) == 0 {
		return nil
	}
	now, err := s.Store.PhonesBeside(ctx)
	if err != nil {
		return fmt.Errorf("repush endpoints: %w", err)
	}
	var errs []error
	for _, p := range put {
		if !slices.Contains(now, p) {
			errs = append(errs, s.dropBeside(ctx, p))
		}
	}
	return errors.Join(errs...)
}

// dropWithin bounds what a step waits for the exchange to forget a telephone.
const dropWithin = time.Second

// dropLeft removes the telephones of places that a step has emptied. One that stays for want of the exchange is removed with the next,
// or when the exchange is back: nobody waits for one that hangs.
func (s *Service) dropLeft(ctx context.Context, before, after State) {
	left := false
	for _, p := range Sides() {
		left = left || before.At(p) != "" && before.At(p) != after.At(p)
	}
	if !left {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropWithin)
	defer cancel()
	phones, err := s.Store.PhonesBeside(ctx)
	for _, p := range phones {
		if p.Over && err == nil {
			err = s.dropBeside(ctx, p)
		}
	}
	if err != nil {
		s.Log.WarnContext(ctx, "endpoint not dropped", slog.String("seat", string(before.Seat)), slog.Any("err", err))
	}
}

func (s *Service) dropBeside(ctx context.Context, p PhoneBeside) error {
	if err := s.Phones.Drop(ctx, p.Endpoint); err != nil {
		return fmt.Errorf("drop endpoint %s: %w", p.Endpoint, err)
	}
	return s.Store.ForgetPhone(ctx, p.Endpoint)
}
