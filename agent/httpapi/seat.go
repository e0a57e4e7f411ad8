package httpapi

import (
	"context"
	"net/netip"
	"regexp"

	"hotline/agent"
)

// SeatPath names a seat; huma binds embedded parameters of exported types only.
type SeatPath struct {
	Seat string `path:"seat" pattern:"^[A-Z][0-9]{2,3}$" doc:"Name of the seat, A01"`
}

type seatList struct {
	Position string `json:"position" doc:"Place in the fact log from which to follow"`
	Seats    []Seat `json:"seats" nullable:"false"`
}

func (h *handler) seats(ctx context.Context, _ *struct{}) (*body[seatList], error) {
	if _, err := acting(ctx, agent.ActReadSeats); err != nil {
		return nil, err
	}
	position, err := h.Position(ctx) // before the read: a resume then repeats rather than skips
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	views, err := h.Hall.SeatViews(ctx)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	out := seatList{Position: position, Seats: make([]Seat, len(views))}
	for i, v := range views {
		out.Seats[i] = seatOf(v)
	}
	return &body[seatList]{out}, nil
}

func (h *handler) seat(ctx context.Context, in *SeatPath) (*body[Seat], error) {
	if _, err := acting(ctx, agent.ActReadSeats); err != nil {
		return nil, err
	}
	return h.seatNow(ctx, agent.SeatID(in.Seat))
}

// seatNow answers a command with the seat as it is after it.
func (h *handler) seatNow(ctx context.Context, seat agent.SeatID) (*body[Seat], error) {
	v, err := h.Hall.SeatView(ctx, seat)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[Seat]{seatOf(v)}, nil
}

type takeRequest struct {
	SeatPath

	Body struct {
		Place    string `json:"place" enum:"official,recorder"`
		TakeOver bool   `json:"take_over,omitempty" doc:"Also from the same person's other page"`
	}
}

func (h *handler) take(ctx context.Context, in *takeRequest) (*body[Seat], error) {
	who, err := acting(ctx)
	if err != nil {
		return nil, err
	}
	seat := agent.SeatID(in.Seat)
	if _, err := h.Service.Take(ctx, who, seat, agent.Place(in.Body.Place), in.Body.TakeOver); err != nil {
		return nil, h.problem(ctx, err)
	}
	return h.seatNow(ctx, seat)
}

type leaveRequest struct {
	SeatPath

	Body struct {
		Place  string `json:"place" enum:"official,recorder"`
		Reason string `json:"reason,omitempty" maxLength:"200" doc:"Of a supervisor who signs somebody else out"`
	}
}

func (h *handler) leave(ctx context.Context, in *leaveRequest) (*body[Seat], error) {
	who, err := acting(ctx)
	if err != nil {
		return nil, err
	}
	seat := agent.SeatID(in.Seat)
	if _, err := h.Service.SignOut(ctx, who, seat, agent.Place(in.Body.Place), in.Body.Reason); err != nil {
		return nil, h.problem(ctx, err)
	}
	return h.seatNow(ctx, seat)
}

// PhoneAccount is what a softphone registers with.
type PhoneAccount struct {
	Endpoint string `json:"endpoint"`
	URI      string `json:"uri"`
	HA1      string `json:"ha1" doc:"Digest of name, realm and secret; empty for a sip phone"`
	Realm    string `json:"realm"`
	Path     string `json:"path" doc:"Of the signalling socket on this server"`
	ExpiresS int    `json:"expires_s" doc:"How long a registration lasts"`
}

type phoneRequest struct {
	SeatPath

	Body struct {
		Client  string `json:"client" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9_-]+$" doc:"Name that the page has given itself"`
		Phone   string `json:"phone" enum:"browser,sip"`
		Contact string `json:"contact,omitempty" doc:"sip:name@address:port of a sip phone"`
	}
}

func (h *handler) phone(ctx context.Context, in *phoneRequest) (*body[PhoneAccount], error) {
	who, err := acting(ctx)
	if err != nil {
		return nil, err
	}
	phone := agent.Phone(in.Body.Phone)
	if err := h.checkPhone(phone, in.Body.Contact); err != nil {
		return nil, h.problem(ctx, err)
	}
	acc, err := h.Service.Phone(ctx, who, agent.SeatID(in.Seat), in.Body.Client, phone, in.Body.Contact)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	const path, lasts = "/sip", 120
	return &body[PhoneAccount]{PhoneAccount{
		Endpoint: acc.Endpoint, URI: "sip:" + acc.Endpoint + "@" + acc.Realm, HA1: acc.HA1, Realm: acc.Realm, Path: path, ExpiresS: lasts,
	}}, nil
}

// checkPhone lets a sip phone in only where the server allows it, and only at an address of this machine or its own network:
// the contact goes into the exchange's configuration.
func (h *handler) checkPhone(phone agent.Phone, contact string) error {
	switch {
	case phone == agent.PhoneBrowser && contact != "":
		return &agent.FieldError{Field: "contact", Mend: "belongs to a sip phone only"}
	case phone == agent.PhoneBrowser:
		return nil
	case !h.SIPSeats:
		return &agent.FieldError{Field: "phone", Mend: "this server takes browsers only"}
	}
	parts := regexp.MustCompile(`^sip:[A-Za-z0-9_.-]{1,32}@([0-9.]{7,15}:[0-9]{1,5})$`).FindStringSubmatch(contact)
	if parts == nil {
		return &agent.FieldError{Field: "contact", Mend: "want sip:name@address:port, sip:A01@127.0.0.3:5070"}
	}
	addr, err := netip.ParseAddrPort(parts[1])
	if err != nil || addr.Port() == 0 || !addr.Addr().IsLoopback() && !addr.Addr().IsPrivate() {
		return &agent.FieldError{Field: "contact", Mend: "want an address of this machine or its own network"}
	}
	return nil
}

type deviceRequest struct {
	SeatPath

	Body struct {
		Client string `json:"client" minLength:"1" maxLength:"64"`
		Device string `json:"device" enum:"ok,media_failed"`
	}
}

func (h *handler) device(ctx context.Context, in *deviceRequest) (*struct{}, error) {
	who, err := acting(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.Service.Device(ctx, who, agent.SeatID(in.Seat), in.Body.Client, agent.Device(in.Body.Device)); err != nil {
		return nil, h.problem(ctx, err)
	}
	return &struct{}{}, nil
}

type intentRequest struct {
	SeatPath

	Body struct {
		Intent      string `json:"intent" enum:"ready,rest,busy"`
		RestCode    string `json:"rest_code,omitempty" maxLength:"32" doc:"What a rest is for"`
		RestMinutes int    `json:"rest_minutes,omitempty" minimum:"0" maximum:"480" doc:"Planned length; 0: open-ended"`
		Version     int64  `json:"version" doc:"Of the seat as seen"`
		Reason      string `json:"reason,omitempty" maxLength:"200" doc:"Of a supervisor, for somebody else's seat"`
	}
}

func (h *handler) intent(ctx context.Context, in *intentRequest) (*body[Seat], error) {
	who, err := acting(ctx)
	if err != nil {
		return nil, err
	}
	seat := agent.SeatID(in.Seat)
	_, err = h.Service.SetIntent(ctx, who, seat, agent.Wish{
		Intent: agent.Intent(in.Body.Intent), RestCode: in.Body.RestCode, Minutes: in.Body.RestMinutes,
		Version: in.Body.Version, Reason: in.Body.Reason,
	})
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return h.seatNow(ctx, seat)
}

type cancelRequest struct {
	SeatPath

	Body struct {
		Version int64 `json:"version" doc:"Of the seat as seen"`
	}
}

func (h *handler) cancelPending(ctx context.Context, in *cancelRequest) (*body[Seat], error) {
	who, err := acting(ctx)
	if err != nil {
		return nil, err
	}
	seat := agent.SeatID(in.Seat)
	if _, err := h.Service.CancelPending(ctx, who, seat, in.Body.Version); err != nil {
		return nil, h.problem(ctx, err)
	}
	return h.seatNow(ctx, seat)
}
