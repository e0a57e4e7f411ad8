package agent

import (
	"context"
	"crypto/md5" //nolint:gosec // RFC 3261 digest: the exchange stores MD5(name:realm:secret)
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"hotline/agent/policy"
)

// Step is one change of a seat, stored whole or not at all.
type Step struct {
	Seat   SeatID
	Actor  string   // who caused it: person:<uuid>, controller, system
	Sits   PersonID // a person about to take a place: has no other one, may sign in, and is assigned to it
	Place  Place    // that Sits is about
	At     time.Time
	Decide func(State) (State, []Fact, error)
}

// Store is the durable side: Postgres.
type Store interface {
	// Update lets decide on the seat and its work as they are, saves and appends the facts, in one short transaction that fails if
	// either has changed meanwhile: then Decide runs again. It returns the seat before and after. ErrNotFound; *PersonElsewhereError,
	// ErrNotAllowed for Sits, and ErrNotAssigned for what was decided already.
	Update(ctx context.Context, step Step) (before, after State, err error)
	// Seats loads every seat.
	Seats(ctx context.Context) ([]State, error)
	// SeatOfEndpoint finds the seat whose telephone that is. ErrNotFound.
	SeatOfEndpoint(ctx context.Context, endpoint string) (SeatID, error)
	// ConnectBeside notes the telephone of who sits at a place beside, and tells which one they had; "": none. ErrNotFound: they do not.
	ConnectBeside(ctx context.Context, at Sitting, who PersonID, client string, phone Account) (string, error)
	// PhonesBeside lists the telephones of places beside that the exchange may know.
	PhonesBeside(ctx context.Context) ([]PhoneBeside, error)
	// ForgetPhone says that the exchange knows the telephone of an ended sitting no more.
	ForgetPhone(ctx context.Context, endpoint string) error
}

// Phones provisions telephone accounts in the exchange.
type Phones interface {
	// Put is idempotent. An empty ha1 means a telephone at a fixed contact.
	Put(ctx context.Context, endpoint, ha1, contact string) error
	// Drop removes the account; one that is gone is success.
	Drop(ctx context.Context, endpoint string) error
}

// Service runs the presence machine. OnChange and ClientReplaced may stay nil; no field changes once it is in use.
type Service struct {
	Store  Store
	Phones Phones
	Now    func() time.Time
	Log    *slog.Logger
	// Realm is that of the exchange's digest; it is part of every HA1.
	Realm string
	// OnChange is called after each committed change with the seat as it is then, and for one seat in the order of its changes
	// within this process: the controller keeps its line by it. It must not block, nor call the service.
	OnChange func(State)
	// ClientReplaced tells the controller that another page holds the telephone of a seat now (A11).
	ClientReplaced func(ctx context.Context, seat SeatID)

	locks [lockShards]sync.Mutex // by seat: order of its steps within this process
}

const lockShards = 64

// Account is what a softphone needs to register.
type Account struct {
	Endpoint string
	HA1      string
	Realm    string
}

// Take gives the person a place at a seat that is assigned to them now (A1, RS4). *SeatTakenError, *PersonElsewhereError,
// ErrNotAllowed, ErrNotAssigned, ErrNotFound.
func (s *Service) Take(ctx context.Context, by Identity, seat SeatID, place Place, takeOver bool) (State, error) {
	before, after, err := s.step(ctx, Step{Seat: seat, Actor: by.Actor(), Sits: by.Person, Place: place}, func(st State) (Event, error) {
		if !by.Can(sitting(st.Kind, place), policy.Resource{}) {
			return nil, ErrNotAllowed
		}
		return Took{By: by.Person, Place: place, TakeOver: takeOver}, nil
	})
	if err != nil {
		return State{}, fmt.Errorf("take seat %s: %w", seat, err)
	}
	s.dropOld(ctx, before, after)
	return after, nil
}

// sitting is the right to sit at a place; what is none is nobody's.
func sitting(kind SeatKind, place Place) policy.Action {
	switch Chair(kind, place) {
	case PlaceOfficial:
		return policy.SitOfficial
	case PlaceOperator:
		return policy.SitOperator
	case PlaceRecorder:
		return policy.SitRecorder
	case PlaceDeputy:
		return policy.SitDeputy
	case PlaceRoom:
		return policy.SitRoom
	case PlaceSupervisor:
		return policy.SitSupervisor
	}
	return 0
}

// SignOut gives a place back, at once or, for the one at the telephone, when the seat's work is over. Somebody else's place
// is a supervisor's to clear, with a reason (A14).
func (s *Service) SignOut(ctx context.Context, by Identity, seat SeatID, place Place, reason string) (State, error) {
	before, after, err := s.step(ctx, Step{Seat: seat, Actor: by.Actor()}, func(st State) (Event, error) {
		own := by.Is(st.At(place))
		return Left{By: by.Person, Place: place, Force: !own && by.Can(policy.LeaveSeat, policy.Resource{}), Reason: reason}, nil
	})
	if err != nil {
		return State{}, fmt.Errorf("sign out of seat %s: %w", seat, err)
	}
	s.dropOld(ctx, before, after)
	return after, nil
}

// Phone gives a page of the person at the seat a fresh telephone account; the one before ends. A sip phone at a fixed
// contact works at once.
func (s *Service) Phone(ctx context.Context, by Identity, seat SeatID, client string, phone Phone, contact string) (Account, error) {
	acc, err := s.newAccount(phone, "seat")
	if err != nil {
		return Account{}, err
	}
	before, after, err := s.step(ctx, Step{Seat: seat, Actor: by.Actor()}, func(State) (Event, error) {
		return Connected{By: by.Person, Client: client, Phone: phone, Endpoint: acc.Endpoint, HA1: acc.HA1, Contact: contact}, nil
	})
	if err != nil {
		return Account{}, fmt.Errorf("telephone for seat %s: %w", seat, err)
	}
	if err := s.Phones.Put(ctx, acc.Endpoint, acc.HA1, contact); err != nil {
		return Account{}, fmt.Errorf("telephone for seat %s: put endpoint: %w", seat, err)
	}
	s.dropOld(ctx, before, after)
	if phone == PhoneSIP {
		if err := s.EndpointOnline(ctx, acc.Endpoint, true); err != nil {
			return Account{}, err
		}
	}
	if before.Client != client && s.ClientReplaced != nil {
		s.ClientReplaced(ctx, seat)
	}
	return acc, nil
}

// EndpointOnline is the exchange's word that a telephone came or went (A10). An unknown endpoint is a dropped one.
func (s *Service) EndpointOnline(ctx context.Context, endpoint string, online bool) error {
	seat, err := s.Store.SeatOfEndpoint(ctx, endpoint)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("endpoint %s: %w", endpoint, err)
	}
	return s.happened(ctx, seat, Registered{Endpoint: endpoint, Online: online})
}

// Device is the page's own report of its sound. ErrReplaced when another page has the telephone.
func (s *Service) Device(ctx context.Context, by Identity, seat SeatID, client string, device Device) error {
	_, _, err := s.step(ctx, Step{Seat: seat, Actor: by.Actor()}, func(State) (Event, error) {
		return Reported{By: by.Person, Client: client, Device: device}, nil
	})
	if err != nil {
		return fmt.Errorf("device of seat %s: %w", seat, err)
	}
	return nil
}

// Wish is what a person asks of a seat: an intent, on the version they saw.
type Wish struct {
	Intent   Intent
	RestCode string
	Minutes  int
	Version  int64
	Reason   string // of a supervisor, for somebody else's seat
}

// SetIntent makes the seat ready, resting or busy; while a citizen is on the line, rest and busy wait for the end (A2–A4, A14).
func (s *Service) SetIntent(ctx context.Context, by Identity, seat SeatID, w Wish) (State, error) {
	_, after, err := s.step(ctx, Step{Seat: seat, Actor: by.Actor()}, func(st State) (Event, error) {
		force, err := forces(by, st)
		return Wished{
			By: by.Person, Intent: w.Intent, RestCode: w.RestCode, Minutes: w.Minutes, Version: w.Version, Force: force, Reason: w.Reason,
		}, err
	})
	if err != nil {
		return State{}, fmt.Errorf("intent of seat %s: %w", seat, err)
	}
	return after, nil
}

// CancelPending takes a pending rest, busy or sign-out back (A4).
func (s *Service) CancelPending(ctx context.Context, by Identity, seat SeatID, version int64) (State, error) {
	_, after, err := s.step(ctx, Step{Seat: seat, Actor: by.Actor()}, func(st State) (Event, error) {
		force, err := forces(by, st)
		return PendingCancelled{By: by.Person, Version: version, Force: force}, err
	})
	if err != nil {
		return State{}, fmt.Errorf("pending intent of seat %s: %w", seat, err)
	}
	return after, nil
}

// forces says that somebody acts on a seat that is not theirs. ErrNotAllowed.
func forces(by Identity, s State) (bool, error) {
	own := by.Is(s.Person)
	if !by.Can(policy.SetIntent, policy.Resource{Own: own}) {
		return false, ErrNotAllowed
	}
	return !own, nil
}

// newAccount makes an account that nobody had before. A sip phone authenticates by its address, so it has no secret.
func (s *Service) newAccount(phone Phone, kind string) (Account, error) {
	name, secret := make([]byte, 8), make([]byte, 24)
	if _, err := rand.Read(name); err != nil {
		return Account{}, fmt.Errorf("endpoint name: %w", err)
	}
	if _, err := rand.Read(secret); err != nil {
		return Account{}, fmt.Errorf("endpoint secret: %w", err)
	}
	acc := Account{Endpoint: kind + "-" + hex.EncodeToString(name), Realm: s.Realm}
	if phone != PhoneSIP {
		digest := md5.Sum([]byte(acc.Endpoint + ":" + s.Realm + ":" + hex.EncodeToString(secret))) //nolint:gosec // as above
		acc.HA1 = hex.EncodeToString(digest[:])
	}
	return acc, nil
}
