package ticketing

import (
	"fmt"
	"time"

	"hotline/agent/calendar"
	"hotline/agent/setting"
)

// Promise (时限) is the stored due instant, with the calendar and the rule it came from (S-26).
type Promise struct {
	WorkingDays     int
	StartsOn        calendar.Date // day of the call, which is not counted
	DueAt           time.Time     // exclusive end
	DueOriginal     time.Time     // never moves (design.md 4.7)
	CalendarVersion string
	RuleVersion     string
	Provisional     bool // a year without official holidays was counted through
}

// LastDay is the day on which the answer is due at the latest, as people say it: 2026-12-03.
func (p Promise) LastDay() string {
	return calendar.DateOf(p.DueAt.Add(-time.Nanosecond)).String()
}

// Calendar counts working days; *calendar.Calendar does it.
type Calendar interface {
	Add(from calendar.Date, days int) calendar.Due
	Version() string
}

// Rule is the limit of each class from a day on (S-25).
type Rule struct {
	Version string
	From    time.Time // start of the first day it applies to
	Days    map[Class]int
}

// Rules are versions of the limits, in any order.
type Rules []Rule

// PlanRules are the limits of the official plan: 咨询 3, 非咨询 10 working days.
func PlanRules() Rules { return RulesOf(setting.Book{}) }

// RulesOf are the limits as the settings have them, a rule from each change on. Its version names those of the settings.
func RulesOf(book setting.Book) Rules {
	keys := map[Class]setting.Key{ClassConsultation: setting.Consultation, ClassOther: setting.Other}
	from := append([]time.Time{{}}, book.Changes(setting.Consultation, setting.Other)...)
	rules := make(Rules, len(from))
	for i, t := range from {
		rules[i] = Rule{Version: "plan", From: t, Days: map[Class]int{}}
		for class, key := range keys {
			rules[i].Days[class] = book.Number(key, "", t)
		}
		first, _ := book.At(setting.Consultation, "", t)
		if other, _ := book.At(setting.Other, "", t); first.Number+other.Number > 0 {
			rules[i].Version = fmt.Sprintf("c%d o%d", first.Number, other.Number)
		}
	}
	return rules
}

// At returns the rule in force at an instant: the latest that had begun.
func (rs Rules) At(t time.Time) (Rule, bool) {
	var in Rule
	found := false
	for _, r := range rs {
		if !r.From.After(t) && (!found || r.From.After(in.From)) {
			in, found = r, true
		}
	}
	return in, found
}

// Promised counts the promise of a class from an instant; false when no rule gives the class a limit then.
func Promised(class Class, from time.Time, cal Calendar, rules Rules) (Promise, bool) {
	rule, ok := rules.At(from)
	days := rule.Days[class]
	if !ok || days <= 0 {
		return Promise{}, false
	}
	day := calendar.DateOf(from)
	due := cal.Add(day, days)
	return Promise{
		WorkingDays:     days,
		StartsOn:        day,
		DueAt:           due.At,
		DueOriginal:     due.At,
		CalendarVersion: cal.Version(),
		RuleVersion:     rule.Version,
		Provisional:     due.Provisional,
	}, true
}
