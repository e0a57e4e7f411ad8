package main

// business are those of the business settings (RG6): who may change what.
func business() []guard {
	const service, version, value = "agent/setting/service.go", "agent/setting/version.go", "agent/setting/value.go"
	return []guard{
		{
			name: "a command is kept in the transaction of its setting", file: "agent/store/setting.go",
			old: `if err := command.Begin(ctx, tx, ""); err != nil {`, new: "if err := error(nil); err != nil {",
			pkg: "./agent/store", tests: "TestRepeatedProposalIsOneVersion",
		},
		{
			name: "who may not propose proposes nothing", file: service,
			old: "case !who.Can(d.Propose, policy.Resource{}):\n\t\treturn ErrNotAllowed\n\t}\n\tnow", new: "}\n\tnow",
			pkg: "./agent/store", tests: "TestProposals",
		},
		{
			name: "who may not approve approves nothing", file: service,
			old: "if !who.Can(policy.AgreeSettings, policy.Resource{}) {", new: "if false {",
			pkg: "./agent/store", tests: "TestProposals",
		},
		{
			name: "a proposal on an old version is refused", file: service,
			old: "if len(versions) != p.Seen {", new: "if false {",
			pkg: "./agent/store", tests: "TestProposals",
		},
		{
			name: "what has passed is no beginning", file: service,
			old: "case from.Before(now):", new: "case false:",
			pkg: "./agent/store", tests: "TestProposals",
		},
		{
			name: "nobody approves what is their own", file: version,
			old: "case v.Author == by:\n\t\treturn v, ErrOwn", new: "case false:\n\t\treturn v, ErrOwn",
			pkg: "./agent/setting", tests: "TestApproveAndWithdraw",
		},
		{
			name: "what is in force is not withdrawn", file: version,
			old: "case !v.Waits() && !v.Planned(now):", new: "case !v.WithdrawnAt.IsZero():",
			pkg: "./agent/setting", tests: "TestApproveAndWithdraw",
		},
		{
			name: "who takes back what is another's says why", file: version,
			old: "case err != nil:", new: "case false:",
			pkg: "./agent/setting", tests: "TestApproveAndWithdraw",
		},
		{
			name: "a number keeps to its bounds", file: value,
			old: "if err != nil || n < d.Min || n > d.Max {", new: "if err != nil {",
			pkg: "./agent/setting", tests: "TestBadValuesNameTheMend",
		},
	}
}

// versions are those of the schema's versions of settings.
func versions() []guard {
	const schema = "deploy/migrations/0017_settings.sql"
	return []guard{
		{
			name: "the schema asks for the second person", file: schema,
			old: "approver IS NOT NULL OR author = 'system' OR", new: "true OR",
			pkg: "./agent/store", tests: "TestTheDatabaseKeepsVersions|TestTheSchemaKnowsTheCatalogue",
		},
		{
			name: "a version is written once", file: schema,
			old: "     OR OLD.withdrawn_at IS NOT NULL THEN", new: "     AND false THEN",
			pkg: "./agent/store", tests: "TestTheDatabaseKeepsVersions",
		},
		{
			name: "the schema asks who takes back what is another's", file: schema,
			old: "ELSE (withdrawer IS NULL) = (withdrawn_why = '') END", new: "ELSE true END",
			pkg: "./agent/store", tests: "TestTheDatabaseKeepsVersions",
		},
		{
			name: "nobody writes a version for somebody else", file: schema,
			old: "AND author = (SELECT reach('actor')) AND approver", new: "AND approver",
			pkg: "./agent/store", tests: "TestTheDatabaseKeepsVersions",
		},
		{
			name: "who has no right to settings writes none", file: schema,
			old: "WITH CHECK ((SELECT reach('settings')) LIKE '%propose%' AND", new: "WITH CHECK (",
			pkg: "./agent/store", tests: "TestTheDatabaseKeepsVersions",
		},
		{
			name: "who proposes does not agree in the same act", file: schema,
			old: "AND approver IS NULL AND withdrawer IS NULL);", new: ");",
			pkg: "./agent/store", tests: "TestTheDatabaseKeepsVersions",
		},
		{
			name: "who may not agree does not, whatever else they may", file: schema,
			old: "(withdrawer IS NOT NULL OR (SELECT reach('settings')) LIKE '%agree%')", new: "true",
			pkg: "./agent/store", tests: "TestTheDatabaseKeepsVersions",
		},
		{
			name: "what is planned does not count yet on the call path", file: schema,
			old: "s.key = 'line.ring' AND s.scope = l.id AND s.in_force_from <= now()", new: "s.key = 'line.ring' AND s.scope = l.id AND s.in_force_from IS NOT NULL",
			pkg: "./agent/store", tests: "TestTheCallPathReadsWhatIsInForce",
		},
	}
}

// live are those of settings that are read while the server runs.
func live() []guard {
	return []guard{
		{
			name: "the controller hears of changed rules", file: "telephony/control/controller.go",
			old: "case c.ruled <- struct{}{}:", new: "case make(chan struct{}) <- struct{}{}:",
			pkg: "./telephony/control", tests: "TestRulesAreReadWhenTheyHaveChanged",
		},
		{
			name: "papers that are wrong leave those before in force", file: "agent/calendar/paper.go",
			old: "\tc, err := WithPapers(papers)\n\tif err != nil {\n\t\treturn false, err\n\t}\n\tkept", new: "\tc, err := WithPapers(papers)\n\tif err != nil {\n\t\tp.now.Store(&Calendar{})\n\t\treturn false, err\n\t}\n\tkept",
			pkg: "./agent/setting", tests: "TestPapersReplaceAYear",
		},
		{
			name: "a paper without a statutory holiday is refused", file: "agent/calendar/paper.go",
			old: "if missing := c.Missing(year); len(missing) > 0 {", new: "if missing := c.Missing(year); false {",
			pkg: "./agent/setting", tests: "TestBadValuesNameTheMend",
		},
		{
			name: "of two papers the later one has a day", file: "agent/calendar/calendar.go",
			old: "case before > year:", new: "case false:",
			pkg: "./agent/setting", tests: "TestTwoPapersOfOneDay",
		},
		{
			name: "a paper does not stop work for a year", file: "agent/calendar/paper.go",
			old: "if len(days) > mostDays {", new: "if false {",
			pkg: "./agent/setting", tests: "TestBadValuesNameTheMend",
		},
		{
			name: "what has just begun is read again", file: "cmd/hotline/business.go",
			old: "case left > -clockLag && d.Per == setting.PerLine:", new: "case false:",
			pkg: "./cmd/hotline", tests: "TestTheNextLook",
		},
		{
			name: "a fact has the settings read", file: "cmd/hotline/business.go",
			old: "return f.Kind == agentstore.SettingChanged", new: "return false && f.Kind == agentstore.SettingChanged",
			pkg: "./cmd/hotline", tests: "TestSettingsAreReadLive",
		},
	}
}
