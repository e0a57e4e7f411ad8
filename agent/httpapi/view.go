package httpapi

import (
	"time"

	"hotline/agent"
)

// Named is a person as others see them.
type Named struct {
	ID   string `json:"id" format:"uuid"`
	Name string `json:"name"`
}

// Seat is a seat as pages show it.
type Seat struct {
	ID          string     `json:"id"`
	Label       string     `json:"label"`
	Kind        string     `json:"kind" enum:"official,operator"`
	Line        string     `json:"line"`
	UnitName    string     `json:"unit_name"`
	Person      *Named     `json:"person" doc:"null: signed out"`
	Recorder    *Named     `json:"recorder" doc:"null: nobody beside"`
	Phone       string     `json:"phone" enum:"browser,sip"`
	Intent      string     `json:"intent" enum:"ready,rest,busy"`
	RestCode    string     `json:"rest_code"`
	RestUntil   *time.Time `json:"rest_until"`
	Pending     string     `json:"pending" enum:",rest,busy,sign_out"`
	Device      string     `json:"device" enum:"ok,unregistered,media_failed,unknown"`
	IntentSince time.Time  `json:"intent_since"`
	Version     int64      `json:"version" doc:"A command carries the one it has seen"`
	Work        string     `json:"work" enum:"idle,offered,engaged,wrap_up"`
	WorkSince   time.Time  `json:"work_since"`
	WrapupUntil *time.Time `json:"wrapup_until"`
	Call        *string    `json:"call" format:"uuid"`
	Offer       *string    `json:"offer" format:"uuid"`
	Misses      int        `json:"misses" doc:"Offers not answered in a row"`
	Shown       string     `json:"shown" enum:"signed_out,ready,ringing,talking,wrap_up,rest,busy,device_failed,pending_rest,pending_sign_out"`
}

func seatOf(v agent.SeatView) Seat {
	return Seat{
		ID: string(v.Seat), Label: v.Label, Kind: string(v.Kind), Line: string(v.Line), UnitName: v.UnitName,
		Person: named(v.Person, v.PersonName), Recorder: named(v.Recorder, v.RecorderName),
		Phone: string(v.Phone), Intent: string(v.Intent), RestCode: v.RestCode, RestUntil: timeOrNull(v.RestUntil),
		Pending: string(v.Pending), Device: string(v.Device), IntentSince: v.Since, Version: v.Version,
		Work: string(v.Work), WorkSince: v.WorkSince, WrapupUntil: timeOrNull(v.Until),
		Call: textOrNull(v.Call), Offer: textOrNull(v.Offer), Misses: v.Misses, Shown: string(v.Shown()),
	}
}

func named(id agent.PersonID, name string) *Named {
	if id == "" {
		return nil
	}
	return &Named{ID: string(id), Name: name}
}

func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
