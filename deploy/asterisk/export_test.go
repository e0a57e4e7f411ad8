package asterisk

// Render is render for a private root, for golden tests.
func Render(c Config) (map[string]string, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	return render(c, layout{Home: "/srv", Modules: "/modules"})
}

// NewEnough is newEnough.
func NewEnough(version string) bool { return newEnough(version) }

// BuildRoot is buildRoot, and Pinned the version that it looks for.
var BuildRoot = buildRoot

const Pinned = pinned
