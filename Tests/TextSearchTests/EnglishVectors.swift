// EnglishVectors: words and the stems that the Snowball project's own program (3.1.1) gives them.

enum EnglishVectors {
  /// "word stem" pairs.
  static let pairs: [(word: String, stem: String)] =
    text.split(whereSeparator: { $0 == ";" || $0.isNewline }).compactMap { pair in
      let parts = pair.split(separator: " ")
      return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
    }

  private static let text = """
    3ds 3ds; above abov; acceptable accept; accepts accept; accessclaims accessclaim
    accidents accid; activate activ; activecounts activecount; adding add; addresstype addresstyp
    adjustable adjust; adjustment adjust; administration administr; administrator administr
    adoption adopt; afullvolume afullvolum; agreed agre; agreedly agre; airliner airlin
    alerts alert; alike alik; allowance allow; allowed allow; allsatisfy allsatisfi; already alreadi
    andes andes; angularity angular; answered answer; answers answer; anywhere anywher; apply appli
    applyplace applyplac; arithmetic arithmet; arrives arriv; arsenal arsenal; article articl
    articles articl; atlas atlas; atlases atlas; attributes attribut; available avail
    backuptests backuptest; batchrows batchrow; bead bead; because becaus; bed bed; before befor
    begins begin; belongs belong; bestow bestow; bias bias; bicycles bicycl
    bitfliptests bitfliptest; bodies bodi; books book; bottles bottl; bowdlerize bowdler
    boyish boyish; browsers browser; by by; bycategory bycategori; bydue bydu; byname bynam
    caller's caller; callousness callous; cancelled cancel; cancelling cancel; canning canning
    capital capit; catalogue catalogu; cease ceas; cells cell; ceramics ceram; chained chain
    changed chang; characters charact; charge charg; charges charg; checkpointer checkpoint
    checkpoints checkpoint; choose choos; cleared clear; clears clear; closedrange closedrang
    closures closur; codes code; codeverifier codeverifi; codewords codeword; coefficient coeffici
    comes come; commitlogtests commitlogtest; communal communal; communication communic
    communism communism; compacted compact; compaction compact; compacttests compacttest
    comparable compar; compared compar; completion complet; compressed compress; concerns concern
    concurrencytests concurrencytest; concurrent concurr; conditional condit; conformably conform
    contributing contribut; controll control; coordinates coordin; corners corner
    correction correct; correctioncodewords correctioncodeword; cosmos cosmos; countbits countbit
    couponrefusal couponrefus; coupons coupon; covers cover; crashtests crashtest; cries cri
    crosssite crosssit; cry cri; currencies currenc; damage damag; damagetests damagetest
    database's databas; dataformats dataformat; daughters daughter; deallocate dealloc; decide decid
    decided decid; decides decid; decisively decis; declareddelivery declareddeliveri
    defensible defens; deletes delet; delivery deliveri; deliverypolicy deliverypolici
    deliveryservice deliveryservic; denominator denomin; dense dens; dependent depend
    detected detect; development develop; differently differ; digitizer digit; digits digit
    directory's directori; disabled disabl; disturb disturb; drains drain; drawfinder drawfind
    droppedatonce droppedatonc; dying die; early earli; earring earring; easily easili
    effective effect; egged egg; electrical electr; electricity electr; embed emb; emerge emerg
    emergency emergenc; employer employ; enabled enabl; endlessly endless; enjoy enjoy; errors error
    escaped escap; evening evening; evenings evening; example exampl; exceed exceed
    exchange exchang; exchanges exchang; exclusive exclus; expectedversion expectedvers
    expired expir; expires expir; explains explain; fails fail; failure failur; feed feed
    ferry ferri; feudalism feudal; fileissues fileissu; files file; finding find
    firstcheckseconds firstchecksecond; fixed fix; flipped flip; floating float; folds fold
    forgottenafterseconds forgottenaftersecond; formality formal; formalize formal; formative format
    formed form; fourdigits fourdigit; freeattempts freeattempt; frees free; fromothers fromoth
    fulldisktests fulldisktest; gaps gap; gas gas; gatewayreference gatewayrefer; gathered gather
    general general; generate generat; generous generous; gently gentl; geologist geolog
    geology geolog; goldenlogtests goldenlogtest; goldenstoretests goldenstoretest; goodness good
    google googl; google's googl; grayed gray; greedy greedi; groups group; guesses guess
    guestseconds guestsecond; guesttokens guesttoken; gyroscopic gyroscop; handed hand
    handmade handmad; hangs hang; happily happili; hashes hash; hashing hash; hasmore hasmor
    heldbyexpiry heldbyexpiri; heldbyvariant heldbyvari; herring herring; hesitancy hesit
    holding hold; homologous homolog; honoured honour; hopeful hope; hopefully hope
    hopefulness hope; hoping hope; hopping hop; housetests housetest; howe howe
    hundredths hundredth; hyphens hyphen; idempotency idempot; identifier identifi; idly idl
    importissue importissu; importoptions importopt; indexrange indexrang; inference infer
    inning inning; inside insid; installs instal; integer integ; interleave interleav
    interleaving interleav; internal internal; international internat
    invalidcredentials invalidcredenti; invariant invari; irritant irrit; iscookie iscooki
    iscorner iscorn; isdeleted isdelet; isequal isequ; isnegative isneg; isnumber isnumb
    isolationtests isolationtest; isoneline isonelin; issue issu; issues issu; isthere isther
    isunique isuniqu; isverified isverifi; iswhitespace iswhitespac; journalled journal
    jsonwriter jsonwrit; judged judg; keeps keep; keybytes keybyt; keywordfilter keywordfilt
    killtests killtest; kiwis kiwi; knows know; lastname lastnam; later later; lateral lateral
    lateseconds latesecond; latitudee latitude; leather leather; leave leav; leaves leav
    ledgerentry ledgerentri; levels level; libraries librari; library librari; lighting light
    likes like; likewise likewis; line's line; lists list; loads load; luxuriated luxuri; lying lie
    mailmessage mailmessag; mailpage mailpag; mailviews mailview; makeprimary makeprimari
    malformed malform; manager manag; maple mapl; marketplace marketplac; material materi
    matters matter; maxprice maxpric; meaning mean; meanwhile meanwhil; measured measur
    members member; mended mend; minprice minpric; missing miss; mixing mix; module's modul
    mp3s mp3s; natural natur; neighbours neighbour; news news; nextnumber nextnumb; notes note
    notstarted notstart; nowhere nowher; numerator numer; o'clock o'clock; offing off; only onli
    opens open; opensession opensess; openssl's openssl; operating oper; operations oper
    operator oper; options option; ordercancellation ordercancel; ordered order
    orderpolicies orderpolici; orders order; ordinals ordin; ordinalspace ordinalspac; organ organ
    organic organic; organize organiz; otherwise otherwis; outcome outcom; outgoing outgo
    outing outing; outlived outliv; outlives outliv; outside outsid
    overlaydisktests overlaydisktest; owned own; packed pack; pagelives pagel; parameters paramet
    parsing pars; parts part; passed pass; passwords password; paste paste; pasted paste
    pasting paste; paymentattempts paymentattempt; paymenttransactions paymenttransact
    penalty penalti; percentage percentag; position posit; positive posit; precondition precondit
    predication predic; preference prefer; prepares prepar; pricedescending pricedescend
    prices price; probate probat; proceed proceed; proceeding proceed; productchange productchang
    productfilter productfilt; productnumber productnumb; productordinal productordin
    products product; promote promot; property properti; provideridentity providerident
    provos provo; published publish; purchase purchas; purposes purpos; quantity quantiti
    quote quot; rate rate; rational ration; reached reach; readepochs readepoch; reasons reason
    reclaimed reclaim; recorded record; refreshing refresh; refuses refus; release releas
    removed remov; removes remov; rename renam; renewing renew; renews renew; repaired repair
    replacement replac; replays replay; requirepublishable requirepublish; reserve reserv
    retry retri; returned return; reused reus; reverse revers; revival reviv; revokeall revokeal
    rights right; rivals rival; rivers river; rolechange rolechang; roll roll; rounding round
    routing rout; rubbed rub; rules rule; runner runner; running run; salvage salvag; sanitize sanit
    sanitizer sanit; say say; saying say; scores score; scripts script; seals seal
    secondary secondari; secrets secret; sectors sector; secure secur; seller's seller; sells sell
    sensibility sensibl; sensitivity sensit; sentence sentenc; separator separ; server's server
    serves serv; service servic; services servic; serviceunavailable serviceunavail; serving serv
    sessionended sessionend; settlepayments settlepay; shared share; shed shed; shoe's shoe
    shoes' shoe; shows show; shred shred; signature signatur; signs sign; silently silent
    singly singl; sized size; skies sky; skis ski; sky sky; slows slow
    snapshotregistry snapshotregistri; sortvalue sortvalu; spares spare; started start
    starting start; states state; stays stay; step's step; steps step; stocklevels stocklevel
    stockmovement stockmov; stopped stop; stopping stop; store's store; story stori; streets street
    subcategories subcategori; substring substr; succeed succeed; supports support; swaps swap
    synced sync; syncfailuretests syncfailuretest; syncs sync; taking take; taxes tax; tells tell
    temporaryfolder temporaryfold; textdocument textdocu; textoperation textoper
    textposition textposit; texts text; this this; ties tie; title titl; titles titl; today's today
    together togeth; toomanydigits toomanydigit; totalprice totalpric; touches touch; touching touch
    towards toward; transactionmodeltests transactionmodeltest; trapping trap
    treevalidatortests treevalidatortest; trellis trelli; triplicate triplic; troubled troubl
    twofactors twofactor; tying tie; ugly ugli; universe univers; university universiti
    unknownfields unknownfield; unsafemutablepointer unsafemutablepoint
    unsafemutablerawpointer unsafemutablerawpoint
    unsafeuninitializedcapacity unsafeuninitializedcapac; untrusted untrust; unverified unverifi
    uploads upload; uppercased uppercas; uproot uproot; usage usag; user's user; valency valenc
    validation valid; value valu; valuee value; variants variant; vectors vector; verification verif
    verify verifi; vietnamization vietnam; volumes volum; vying vie; walks walk
    withunsafebytes withunsafebyt; working work; writers writer; writes write; writing write
    yellowed yellow; youth youth; youthfully youth; zerodigits zerodigit
    """
}
