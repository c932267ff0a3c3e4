package arcuate

import (
	"context"
)

// Description is what a name means in an environment.
type Description struct {
	// Name is the name as it is really spelled there.
	Name string
	// Kind is function, package, variable, or empty when there is no such name.
	Kind string
	// Doc is the help text.
	Doc string
	// Signature is the signature as the language writes it.
	Signature string
	// Parameters are those of a function.
	Parameters []Parameter
}

// Parameter is a parameter of a function.
type Parameter struct {
	Name string
	// Kind is positional, var, keyword or var-keyword.
	Kind string
	// Default is the source text of its default; nil when it has none.
	Default *string
}

// Environment is an environment of a hub.
type Environment struct {
	// Name is the name by which it is called, Language what is behind it, Doc what it is for.
	Name, Language, Doc string
	// Options are those that one may set.
	Options []string
	// Eval tells whether code may be sent.
	Eval bool
}

// Describe says what a name means in the session.
func (s *Session) Describe(ctx context.Context, name string) (*Description, error) {
	found, err := s.value(ctx, "describe", func(e *encoder) (int, error) { return 1, e.text("name", name) })
	if err != nil {
		return nil, err
	}
	return descriptionOf(found)
}

func descriptionOf(found any) (*Description, error) {
	m, good := found.(*Map)
	if !good {
		return nil, newError(ProtocolError, ExecutedYes, "a description came as a %T", found)
	}
	d := &Description{
		Name: textOf(m, "name"), Kind: textOf(m, "kind"), Doc: textOf(m, "doc"), Signature: textOf(m, "signature"),
	}
	list, _ := m.Get("parameters")
	if parameters, good := list.(*List); good {
		for _, item := range parameters.Items {
			one, _ := item.(*Map)
			p := Parameter{Name: textOf(one, "name"), Kind: textOf(one, "kind")}
			if value, found := one.Get("default"); found {
				if text, good := value.(string); good {
					p.Default = &text
				}
			}
			d.Parameters = append(d.Parameters, p)
		}
	}
	return d, nil
}

// Names returns names for completion: what a package exports, or with an empty package the functions and packages of
// the whole search path; only those that begin with prefix.
func (s *Session) Names(ctx context.Context, pkg, prefix string) ([]string, error) {
	found, err := s.value(ctx, "names", func(e *encoder) (int, error) {
		if err := e.text("name", pkg); err != nil {
			return 0, err
		}
		return 2, e.text("prefix", prefix)
	})
	if err != nil {
		return nil, err
	}
	return As[[]string](found)
}

// ListEnvironments returns the environments of a hub that we may use. The address is one without an environment, such
// as grpc://host:port.
func ListEnvironments(ctx context.Context, address string, options ...Option) ([]Environment, error) {
	hub, err := DialHub(ctx, address, options...)
	if err != nil {
		return nil, err
	}
	found, err := hub.Environments(ctx)
	if closing := hub.Close(); err == nil {
		err = closing
	}
	return found, err
}

// Environments returns the environments that we may use.
func (h *Hub) Environments(ctx context.Context) ([]Environment, error) {
	answer, err := h.link.exchange(ctx, &ask{op: "environments"})
	if err != nil {
		return nil, err
	}
	found := []Environment{}
	for _, one := range mapsOf(answer, "value") {
		eval, _ := one.Get("eval")
		found = append(found, Environment{
			Name: textOf(one, "name"), Language: textOf(one, "language"), Doc: textOf(one, "doc"),
			Options: textsOf(one, "options"), Eval: eval == true,
		})
	}
	return found, nil
}

// mapsOf are the mappings in a list.
func mapsOf(fields *Map, key string) []*Map {
	found, _ := fields.Get(key)
	list, good := found.(*List)
	if !good {
		return nil
	}
	all := make([]*Map, 0, len(list.Items))
	for _, item := range list.Items {
		if one, good := item.(*Map); good {
			all = append(all, one)
		}
	}
	return all
}
