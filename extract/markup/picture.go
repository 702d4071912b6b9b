package markup

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// picture reads an <svg> whose start tag was read, to its end, into a tree of
// its own. Odd is one that is not well formed, and one that holds HTML or
// declarations.
func (p *parser) picture(attr []html.Attribute) *html.Node {
	root := p.drawing(tagSvg, attr)
	p.deepest = 1
	if p.selfClosing() {
		return root
	}
	open := []element{{root, tagSvg}}
	for len(open) > 0 && p.odd == "" {
		top := open[len(open)-1]
		at := p.markupFrom(p.pos)
		if at > p.pos {
			p.appendText(top.node, unescape(p.s[p.pos:at], false))
		}
		if p.pos = at; at == len(p.s) {
			p.odd = "unfinished svg"
			return nil
		}
		switch rest := p.s[at+1:]; {
		case isLetter(rest[0]):
			t := p.name(at + 1)
			attr := p.attributes(true)
			if t.breaksOut || top.tag.holdsHTML {
				p.odd = "HTML in an svg"
				return nil
			}
			n := p.drawing(t, attr)
			appendChild(top.node, n)
			p.deepest = max(p.deepest, len(open)+1)
			if !p.selfClosing() {
				open = append(open, element{n, t})
			}
			if len(p.open)+len(open) > maxOpen {
				p.odd = "too deep"
			}
		case rest[0] == '/' && len(rest) > 1 && isLetter(rest[1]):
			t := p.name(at + 2)
			p.attributes(false)
			if t.name != top.tag.name {
				p.odd = "svg with misplaced ends"
			}
			open = open[:len(open)-1]
		case strings.HasPrefix(rest, "!--"):
			if data, ok := p.comment(); ok {
				appendChild(top.node, p.node(html.CommentNode, data))
			}
		default:
			p.odd = "svg with declarations"
		}
	}
	return root
}

// selfClosing says whether the tag that was read ends in "/>".
func (p *parser) selfClosing() bool {
	slash := p.s[p.pos-2] == '/'
	if slash && p.unquoted == p.pos-1 {
		p.odd = "a value that ends in a slash"
	}
	return slash
}

// drawing returns an element of a picture.
func (p *parser) drawing(t *tag, attr []html.Attribute) *html.Node {
	for i := range attr {
		a := &attr[i]
		if key, ok := svgAttributes[a.Key]; ok {
			a.Key = key
		} else if a.Key[0] == 'x' && foreignAttributes[a.Key] {
			a.Namespace, a.Key, _ = strings.Cut(a.Key, ":")
		}
	}
	n := p.elementNode(t, attr)
	n.Namespace = "svg"
	if name, ok := svgNames[t.name]; ok {
		n.Data, n.DataAtom = name, atom.Lookup([]byte(name))
	}
	return n
}

// graft puts the picture that was read last where the page is.
func (p *parser) graft(n *html.Node) {
	if len(p.open)+p.deepest > maxOpen {
		p.odd = "too deep"
	}
	p.place(n)
}

// What is not written in lower case in pictures, by what it is in lower case:
// "Parsing main in foreign content" in the HTML standard.
var (
	svgNames = byLower("altGlyph altGlyphDef altGlyphItem animateColor animateMotion animateTransform clipPath feBlend feColorMatrix feComponentTransfer " +
		"feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap feDistantLight feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feImage " +
		"feMerge feMergeNode feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile feTurbulence foreignObject glyphRef linearGradient " +
		"radialGradient textPath")
	svgAttributes = byLower("attributeName attributeType baseFrequency baseProfile calcMode clipPathUnits diffuseConstant edgeMode filterUnits glyphRef " +
		"gradientTransform gradientUnits kernelMatrix kernelUnitLength keyPoints keySplines keyTimes lengthAdjust limitingConeAngle markerHeight markerUnits " +
		"markerWidth maskContentUnits maskUnits numOctaves pathLength patternContentUnits patternTransform patternUnits pointsAtX pointsAtY pointsAtZ " +
		"preserveAlpha preserveAspectRatio primitiveUnits refX refY repeatCount repeatDur requiredExtensions requiredFeatures specularConstant " +
		"specularExponent spreadMethod startOffset stdDeviation stitchTiles surfaceScale systemLanguage tableValues targetX targetY textLength viewBox " +
		"viewTarget xChannelSelector yChannelSelector zoomAndPan")
	foreignAttributes = map[string]bool{"xlink:actuate": true, "xlink:arcrole": true, "xlink:href": true, "xlink:role": true, "xlink:show": true,
		"xlink:title": true, "xlink:type": true, "xml:lang": true, "xml:space": true, "xmlns:xlink": true}
)

func byLower(names string) map[string]string {
	m := map[string]string{}
	for _, name := range strings.Fields(names) {
		m[lower(name)] = name
	}
	return m
}
