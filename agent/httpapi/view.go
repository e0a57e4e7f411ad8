package httpapi

import (
	"time"

	"hotline/agent"
)

// Named is a person as others see them.
type Named struct {
	ID   string `json:"id" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Name string `json:"name" example:"王五"`
}

// Seat is a seat as pages show it.
type Seat struct {
	ID          string        `json:"id" example:"A01"`
	Label       string        `json:"label" example:"1号席"`
	Kind        string        `json:"kind" enum:"official,operator" example:"official"`
	Line        string        `json:"line" example:"session"`
	UnitName    string        `json:"unit_name" example:"省教育厅"`
	Person      *Named        `json:"person" doc:"null: signed out"`
	Recorder    *Named        `json:"recorder" doc:"null: nobody beside"`
	Deputy      *Named        `json:"deputy" doc:"null: nobody; who stands in for the official"`
	Room        *Named        `json:"room" doc:"null: nobody; who is at hand in the hall"`
	Supervisor  *Named        `json:"supervisor" doc:"null: nobody"`
	Away        []agent.Place `json:"away" enum:"recorder,deputy,room,supervisor" example:"[\"recorder\"]" doc:"Places whose person has had no page for a while; somebody else may take them"`
	Phone       string        `json:"phone" enum:"browser,sip" example:"browser"`
	Intent      string        `json:"intent" enum:"ready,rest,busy" example:"ready"`
	RestCode    string        `json:"rest_code" example:"break"`
	RestUntil   *time.Time    `json:"rest_until" example:"2026-11-26T00:30:00Z"`
	Pending     string        `json:"pending" enum:",rest,busy,sign_out" example:"rest"`
	Device      string        `json:"device" enum:"ok,unregistered,media_failed,unknown" example:"ok"`
	IntentSince time.Time     `json:"intent_since" example:"2026-11-26T00:30:00Z"`
	Version     int64         `json:"version" example:"3" doc:"A command carries the one it has seen"`
	Work        string        `json:"work" enum:"idle,offered,engaged,wrap_up" example:"idle"`
	WorkSince   time.Time     `json:"work_since" example:"2026-11-26T00:30:00Z"`
	WrapupUntil *time.Time    `json:"wrapup_until" example:"2026-11-26T00:30:00Z"`
	Call        *string       `json:"call" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Offer       *string       `json:"offer" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Misses      int           `json:"misses" example:"0" doc:"Offers not answered in a row"`
	Shown       string        `json:"shown" enum:"signed_out,ready,ringing,talking,wrap_up,rest,busy,device_failed,pending_rest,pending_sign_out" example:"signed_out"`
}

func seatOf(v agent.SeatView) Seat {
	return Seat{
		ID: string(v.Seat), Label: v.Label, Kind: string(v.Kind), Line: string(v.Line), UnitName: v.UnitName,
		Person: named(v.Person, v.PersonName), Recorder: beside(v, agent.PlaceRecorder), Deputy: beside(v, agent.PlaceDeputy),
		Room: beside(v, agent.PlaceRoom), Supervisor: beside(v, agent.PlaceSupervisor), Away: v.Absent(),
		Phone: string(v.Phone), Intent: string(v.Intent), RestCode: v.RestCode, RestUntil: timeOrNull(v.RestUntil),
		Pending: string(v.Pending), Device: string(v.Device), IntentSince: v.Since, Version: v.Version,
		Work: string(v.Work), WorkSince: v.WorkSince, WrapupUntil: timeOrNull(v.Until),
		Call: textOrNull(v.Call), Offer: textOrNull(v.Offer), Misses: v.Misses, Shown: string(v.Shown()),
	}
}

func beside(v agent.SeatView, p agent.Place) *Named { return named(v.At(p), v.Names[p]) }

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
