package extract

import (
	"maps"
	"slices"
)

// With returns the definitions with one more, or with another in the place of
// the one of its name; s stays as it is, and may be the zero value, which has
// none. Errors are of type *DefinitionError.
func (s *Sites) With(name string, text []byte) (*Sites, error) {
	d, err := parseDefinition(name+".toml", text, false)
	if err != nil {
		return nil, err
	}
	out := &Sites{byName: map[string]*definition{}, byHost: map[string]*definition{}, platforms: s.platforms}
	maps.Copy(out.byName, s.byName)
	maps.Copy(out.byHost, s.byHost)
	maps.DeleteFunc(out.byHost, func(_ string, other *definition) bool { return other.Name == name })
	if faults := out.admit(d); len(faults) > 0 {
		return nil, faults[0]
	}
	out.byName[name] = d
	out.names = slices.Sorted(maps.Keys(out.byName))
	return out, nil
}

// Source returns the definition of a site as it is written; nil when there is
// none.
func (s *Sites) Source(site string) []byte {
	if d := s.byName[site]; d != nil {
		return slices.Clone(d.source)
	}
	return nil
}
