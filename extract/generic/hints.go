package generic

import "strings"

// A hint is what the class, id, role and itemprop of an element say about it,
// as a set of bits.
type hint uint32

const (
	hNav hint = 1 << iota
	hSocial
	hComment
	hRelated
	hAd
	hForm
	hConsent
	hByline
	hDate
	hMeta
	hCaption
	hTags
	hHidden
	hLead
	hTitle
	hCrumb
	hStory // the first half of article-body
	hText  // the second half
	hBody  // both, or a name that says as much
	hUpdated
	hCard
	hPaywall
	hBio
	hSource
	hWidget
	hFooter
	hBox
	hSection
	hBrand
	hPlace

	hBad = hNav | hSocial | hComment | hRelated | hAd | hForm | hConsent | hTags | hCrumb | hPaywall | hBio | hFooter | hBox
)

// words maps the tokens of class names to hints. Vietnamese tokens are those
// that the content systems of papers and ministries use.
var words = func() map[string]hint {
	m := map[string]hint{}
	for h, s := range map[hint]string{
		hNav:             "nav navbar navigation menu submenu topbar toolbar pagination pager paging skip sitenav mainmenu topmenu sidebar sidebars rail masthead offcanvas drawer hamburger ticker",
		hFooter:          "footer colophon copyright foot copyrights",
		hSocial:          "share sharing social socials sharebar sharetools shares addthis addtoany sharethis follow followus facebook twitter whatsapp pinterest zalo chiase sharedaddy likebox socialmedia sociallinks",
		hComment:         "comment comments commentlist commentform respond disqus livefyre binhluan ykien replies reply komentare kommentare commentaires comentarios discussion fbcomments coral viafoura",
		hRelated:         "related relatedposts relatednews recommended recommendation recommendations recommend recirc recirculation trending popular mostread mostpopular readmore readnext readalso morenews morestories outbrain taboola lienquan tinlienquan tincungchuyenmuc cungchuyenmuc tinkhac tinmoi xemthem docthem docnhieu similar upnext suggested suggestions zergnet revcontent mgid teasers crosslinks moreon morefrom inread alsoread seealso verwandt relacionadas relacionados relacionado correlati connexes othernews latest latestnews headlines jegrelated yarpp crp rp4wp nextpost prevpost onward nextup",
		hAd:              "ad ads advert adverts advertisement advertising adsbygoogle adslot adunit adbox adwrap adcontainer adwrapper sponsor sponsored sponsors promo promos promotion promobox banner banners dfp gpt teads quangcao werbung anzeige publicidad publicite pubblicita mpu leaderboard billboard skyscraper affiliate adsense admz commercial",
		hForm:            "newsletter newsletters subscribe subscription signup login signin register registration optin mailchimp mailmunch formulate subscribebox emailsignup abo",
		hConsent:         "cookie cookies consent gdpr ccpa cookiebar cookiebanner cmp onetrust cookielaw didomi sourcepoint",
		hByline:          "byline bylines author authors authorname writer reporter contributor contributors journalist tacgia autor autore autores auteur butdanh redakteur",
		hDate:            "date datetime time timestamp dateline published publish pubdate publishdate postdate postdatetime datum fecha ngaydang ngay thoigian posted publishedon publicationdate entrydate dates datepublished pubtime createddate",
		hUpdated:         "updated update modified lastupdate lastmodified lastupdated capnhat datemodified",
		hMeta:            "meta metadata info postmeta postmetadata entrymeta articlemeta infor",
		hCaption:         "caption captions figcaption credit credits legend chuthich imagecaption photocaption photocredit imgcaption bildunterschrift copyrightholder pcaption piccaption",
		hTags:            "tag tags taglist keywords keyword tagcloud tukhoa hashtag hashtags topics tagbox",
		hHidden:          "hidden hide sronly srreader screenreader visuallyhidden offscreen noprint printonly invisible visually assistive a11y",
		hLead:            "lead lede sapo standfirst dek deck subtitle subheadline subhead subheading intro introduction summary chapo abstract excerpt trichyeu tomtat motdau motangan strapline subline bajada entradilla copete sommario catenaccio ingress manchet vorspann anriss anons perex synopsis description chapeau leadtext subtitulo volanta bajante preamble",
		hTitle:           "title headline heading hed tieude posttitle entrytitle articletitle pagetitle titre titulo titolo",
		hPlace:           "location place stamp locationstamp",
		hBrand:           "logo brand sitetitle blogtitle sitename branding siteheading sitebranding",
		hCrumb:           "breadcrumb breadcrumbs crumb crumbs brotkrumen",
		hStory:           "article articles entry post story news detail details single blog page main cms field rich bai baiviet tin newsdetail chitiet noidung detailcontent maincontent singular wysiwyg",
		hText:            "body content text copy paragraphs paragraph contents prose maincontent bodytext contenido corps texte fulltext",
		hBody:            "articlebody articlecontent articletext entrycontent postcontent postbody storybody storycontent storytext newscontent newsbody noidungbaiviet contentdetail detailcontent maincontentdetail bodytext articlefulltext fulltext richtext wysiwyg cotenido noidungchitiet ckcontent fckcontent readcontent storycopy postentry ftcontent articleparagraphs artikeltext brodtext bodycopy",
		hCard:            "card cards teaser teasers tile tiles item items carousel slider swiper slick slideshow",
		hPaywall:         "paywall regwall piano subscriberonly metered barrier pianomedia",
		hBio:             "bio authorbio authorbox authorinfo aboutauthor biography",
		hSource:          "source sources nguon nguontin fuente quelle fonte sourcename",
		hWidget:          "widget widgets module block plugin",
		hBox:             "infobox factbox faktabox faktaruta faktenbox",
		hSection:         "dachzeile spitzmarke topline roofline tagline vorspannzeile section category categories cat chuyenmuc kicker eyebrow rubrik rubrique topic ressort overline channel",
		hBio | hByline:   "vcard",
		hAd | hRelated:   "sponsoredcontent nativead",
		hDate | hUpdated: "",
	} {
		for _, w := range strings.Fields(s) {
			m[w] |= h
		}
	}
	return m
}()

// lengths has a bit for each length of the words that begin with a letter:
// most tokens of a page are in no table.
var lengths = func() (l [26]uint32) {
	for w := range words {
		l[w[0]-'a'] |= 1 << len(w)
	}
	return l
}()

// classHint reads one class, id or itemprop. Tokens end at signs, at digits
// and at capitals.
func classHint(s string) hint {
	var h hint
	var buf [48]byte
	n := 0
	var prev hint
	var last [24]byte // the token before, for article-body and articleBody alike
	lastN := 0
	camel := false
	digits := false // the token touches one
	// Names that a machine made up are full of capitals: a short token between
	// them says nothing.
	flush := func(atCapital bool) {
		if n == 0 {
			return
		}
		if n < 4 && (atCapital || camel || digits) {
			n, prev, lastN = 0, 0, 0
			camel = atCapital
			return
		}
		camel = atCapital
		var w hint
		if n < 32 && lengths[buf[0]-'a']&(1<<n) != 0 {
			w = words[string(buf[:n])]
		}
		if w == 0 && n > 6 {
			w = stem(buf[:n])
		}
		if lastN > 0 && lastN+n < 32 && lengths[last[0]-'a']&(1<<(lastN+n)) != 0 {
			var joined [72]byte
			copy(joined[:], last[:lastN])
			copy(joined[lastN:], buf[:n])
			w |= words[string(joined[:lastN+n])]
		}
		h |= w
		if prev&hStory != 0 && w&hText != 0 {
			h |= hBody
		}
		prev = w
		lastN = 0
		if n <= len(last) {
			lastN = copy(last[:], buf[:n])
		}
		n = 0
	}
	lower := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z':
			lower = true
		case 'A' <= c && c <= 'Z':
			if lower {
				flush(true)
			}
			c += 'a' - 'A'
			lower = false
		default:
			if '0' <= c && c <= '9' {
				digits = true
			}
			flush(false)
			digits = '0' <= c && c <= '9'
			lower = false
			if c == ' ' {
				prev, lastN = 0, 0
			}
			continue
		}
		if n < len(buf) {
			buf[n] = c
			n++
		}
	}
	flush(false)
	return h
}

// stem reads long tokens that are two words written as one.
func stem(w []byte) hint {
	for _, s := range stems {
		if len(w) > len(s.prefix) && string(w[:len(s.prefix)]) == s.prefix {
			return s.hint
		}
	}
	return 0
}

var stems = []struct {
	prefix string
	hint   hint
}{
	{"related", hRelated}, {"comment", hComment}, {"newsletter", hForm}, {"sidebar", hNav}, {"breadcrumb", hCrumb},
	{"recommend", hRelated}, {"advert", hAd}, {"socialshare", hSocial}, {"sharebutton", hSocial}, {"authorbio", hBio},
	{"cookie", hConsent}, {"paywall", hPaywall}, {"navigation", hNav}, {"footer", hFooter}, {"caption", hCaption},
	{"publish", hDate}, {"timestamp", hDate}, {"timedat", hDate}, {"datetime", hDate}, {"subscri", hForm}, {"tinlienquan", hRelated}, {"sponsor", hAd}, {"taboola", hRelated}, {"outbrain", hRelated},
}
