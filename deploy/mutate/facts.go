package main

// facts are those of the log of what happened (RS3, reliability.md 2.2).
func facts() []guard {
	const sql, pkg = "deploy/migrations/0014_fact_by_day.sql", "./deploy/migrations"
	return []guard{
		{
			name: "a day of the log cannot be emptied", file: sql,
			old: "BEFORE TRUNCATE ON public.%I EXECUTE", new: "AFTER INSERT ON public.%I EXECUTE",
			pkg: pkg, tests: "TestEachDayIsAppendOnly",
		},
		{
			name: "whoever has a day made lends it no names", file: sql,
			old: "LANGUAGE plpgsql SECURITY DEFINER\n  SET search_path = pg_catalog, pg_temp SET timezone = 'Asia/Shanghai' SET datestyle = 'ISO, YMD' SET lock_timeout",
			new: "LANGUAGE plpgsql SECURITY DEFINER\n  SET timezone = 'Asia/Shanghai' SET datestyle = 'ISO, YMD' SET lock_timeout",
			pkg: pkg, tests: "TestDaysAreTheLogs",
		},
		{
			name: "one at a time makes days", file: sql,
			old: "  LOCK TABLE ONLY public.fact", new: "  -- LOCK TABLE ONLY public.fact",
			pkg: pkg, tests: "TestDaysAreMadeOnce",
		},
		{
			name: "a day that was not prepared stops no other", file: sql,
			old: "IF NOT EXISTS (SELECT FROM public.fact_default d WHERE", new: "IF true OR NOT EXISTS (SELECT FROM public.fact_default d WHERE",
			pkg: pkg, tests: "TestDayWithoutATable",
		},
		{
			name: "what was allowed on the log is allowed on its days", file: sql,
			old: "WITH CHECK (' || p.with_check || ')', '')", new: "WITH CHECK (true)' || left(p.with_check, 0), '')",
			pkg: pkg, tests: "TestLogOfBeforeIsKept",
		},
		{
			name: "the log is read wherever its clock was", file: "realtime/factlog/reader.go",
			old: "least($4::timestamptz, now())", new: "least($4::timestamptz, $4::timestamptz)",
			pkg: "./realtime/factlog", tests: "TestClockDoesNotMatter",
		},
		{
			name: "all of the log is read after an outage", file: "realtime/factlog/feed.go",
			old: "stored = time.Time{}", new: "_ = stored",
			pkg: "./realtime/factlog", tests: "TestAllDaysAreLookedAt",
		},
	}
}
