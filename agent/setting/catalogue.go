// Package setting is the business settings: which there are, what they may be, and which version is in force when (design.md 4.10, RG6).
// A change is a new version with the moment from which it counts; some need a second person. It is ground and pure: stores keep the
// versions, whoever is above reads them, and it must not know what anybody does with a value.
package setting

import (
	"hotline/agent/policy"
)

// Key names a setting, as the schema spells it.
type Key string

// The settings.
const (
	Ring         Key = "line.ring"
	WrapUp       Key = "line.wrapup"
	Grace        Key = "line.grace"
	Notice       Key = "line.notice"
	Consultation Key = "promise.consultation"
	Other        Key = "promise.other"
	Workdays     Key = "calendar.workdays"
)

// RecordingNotice tells the citizen that the call is recorded (N-03).
const RecordingNotice = "hotline/recording-notice"

// Kind is what values are.
type Kind string

// The kinds.
const (
	KindNumber Kind = "number"
	KindChoice Kind = "choice"
	KindDays   Kind = "days" // the paper of a year: a line for each day that deviates
)

// Per is what there is one of a setting for.
type Per string

// What settings are made for.
const (
	PerAll  Per = ""
	PerLine Per = "line"
	PerYear Per = "year"
)

// Definition is one row of the catalogue.
type Definition struct {
	Key       Key
	Kind      Kind
	Unit      string // of numbers: s, workdays; the panel has its word
	Per       Per
	Min, Max  int      // of numbers
	Choices   []string // of a choice
	Default   string   // while no version is in force
	Propose   policy.Action
	TwoPeople bool // somebody else approves before it counts
}

// Catalogue lists the settings in the order in which people see them. Bounds and defaults of what the call path reads, and who needs a
// second person, stand in the schema as well, which a test compares.
func Catalogue() []Definition {
	const (
		seconds, workdays  = "s", "workdays"
		soonest, latest    = 5, 120
		longestWrap, month = 3600, 60
	)
	return []Definition{
		{Key: Ring, Kind: KindNumber, Unit: seconds, Per: PerLine, Min: soonest, Max: latest, Default: "20", Propose: policy.TuneLines},
		{Key: WrapUp, Kind: KindNumber, Unit: seconds, Per: PerLine, Max: longestWrap, Default: "120", Propose: policy.TuneLines},
		{Key: Grace, Kind: KindNumber, Unit: seconds, Per: PerLine, Min: soonest, Max: latest, Default: "20", Propose: policy.TuneLines},
		{
			Key: Notice, Kind: KindChoice, Per: PerLine, Choices: []string{RecordingNotice, ""}, Default: RecordingNotice,
			Propose: policy.TuneLines, TwoPeople: true,
		},
		{Key: Consultation, Kind: KindNumber, Unit: workdays, Min: 1, Max: month, Default: "3", Propose: policy.PlanSettings, TwoPeople: true},
		{Key: Other, Kind: KindNumber, Unit: workdays, Min: 1, Max: month, Default: "10", Propose: policy.PlanSettings, TwoPeople: true},
		{Key: Workdays, Kind: KindDays, Per: PerYear, Propose: policy.PlanSettings, TwoPeople: true},
	}
}

// Find looks a key up; false: there is no such setting.
func Find(key Key) (Definition, bool) {
	for _, d := range Catalogue() {
		if d.Key == key {
			return d, true
		}
	}
	return Definition{}, false
}
