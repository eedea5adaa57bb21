"""Problems that the gateway finds in a request, in a payroll file or in itself."""

from __future__ import annotations

from typing import Final

from services.gateway.problem_texts.entry import Entry, Text

REQUESTS: Final[dict[str, Entry]] = {
    "mandate-view-only": Entry(
        403,
        Text("Fuldmagten giver kun lov til at se frikortet", "Bed borgeren eller kommunen om en fuldmagt til også at "
             "tale med arbejdsgivere."),
        Text("The mandate is only to see the card", "Ask the citizen or the municipality for one to talk to employers, "
             "too."),
    ),
    "malformed-json": Entry(
        400,
        Text("Indholdet er ikke gyldig JSON", "Ret indholdet, og send det igen som UTF-8 uden byte order mark."),
        Text("The body is not valid JSON", "Correct the body and send it again as UTF-8 without a byte order mark."),
    ),
    "invalid-request": Entry(
        422,
        Text("Forespørgslen har fejl", "Ret de felter, som er nævnt i \"errors\"."),
        Text("The request has errors", "Correct the fields named in \"errors\"."),
    ),
    "citizen-under-age": Entry(
        422,
        Text("Borgeren er ikke fyldt 18 år", "Frikortet er for voksne. Kontrollér CPR-nummeret; er det rigtigt, kan "
             "frikortet udstedes, når borgeren er fyldt 18 år."),
        Text("The citizen is under 18", "The card is for adults. Check the CPR number; if it is right, the card can be "
             "issued when the citizen is 18."),
    ),
    "idempotency-key-missing": Entry(
        400,
        Text("Idempotency-Key mangler", "Send headeren Idempotency-Key med en værdi, som du gemmer, før du sender, og "
             "bruger igen, hvis du prøver igen."),
        Text("Idempotency-Key is missing", "Send the header Idempotency-Key with a value that you keep before you "
             "send, and use again when you try again."),
    ),
    "idempotency-key-invalid": Entry(
        400,
        Text("Idempotency-Key er ikke gyldig", "Brug 1 til 255 synlige ASCII-tegn, for eksempel en UUID."),
        Text("Idempotency-Key is not valid", "Use 1 to 255 visible ASCII characters, for example a UUID."),
    ),
    "idempotency-key-reused": Entry(
        422,
        Text("Idempotency-Key er brugt til en anden forespørgsel", "Brug en ny nøgle til en ny forespørgsel."),
        Text("Idempotency-Key was used for another request", "Use a new key for a new request."),
    ),
    "answer-expired": Entry(
        410,
        Text("Det er allerede behandlet", "Det bliver ikke gjort igen. Svaret bliver gemt i 400 dage og er slettet: "
             "se, hvad der gælder nu, for eksempel i listen over indberetninger.", "Kommandoens id er {command_id}."),
        Text("This was handled before", "It is not done again. The answer is kept for 400 days and is deleted: look "
             "at what holds now, for example in the list of reports.", "The id of the command is {command_id}."),
    ),
    "lines-expired": Entry(
        410,
        Text("Lønfilens linjer er slettet", "De bliver gemt i 400 dage. Indberetningerne findes i listen over "
             "indberetninger; filen skal ikke sendes igen."),
        Text("The lines of the payroll file are deleted", "They are kept for 400 days. The reports are in the list of "
             "reports; do not send the file again."),
    ),
    "access-reason-missing": Entry(
        422,
        Text("Begrundelsen mangler", "Skriv, hvorfor du slår op: send headeren Access-Reason med 3 til 200 tegn, for "
             "eksempel sagens nummer. Borgeren kan læse den."),
        Text("The reason is missing", "Say why you look: send the header Access-Reason with 3 to 200 characters, such "
             "as the number of the case. The citizen can read it."),
    ),
    "case-number-required": Entry(
        422,
        Text("Sagens nummer mangler", "Skriv sagens nummer, som kommunen skriver det. Det kan stå alene eller efter "
             "et kolon og et mellemrum.", "Sådan ser det ud: {example}."),
        Text("The number of the case is missing", "Write the number of the case as the municipality writes it. It can "
             "stand alone or after a colon and a space.", "It looks like this: {example}."),
    ),
    "access-reason-invalid": Entry(
        422,
        Text("Begrundelsen kan ikke bruges", "Skriv 3 til 200 tegn på én linje, uden CPR-nummer, frikortnummer og "
             "navn; for eksempel \"Opfølgning på sag 2025-0042\"."),
        Text("The reason cannot be used", "Write 3 to 200 characters on one line, without CPR number, card number and "
             "name; for example \"Follow-up on case 2025-0042\"."),
    ),
    "fresh-login-required": Entry(
        401,
        Text("Du skal logge på igen først", "Det, du vil gøre, kræver et nyt login. Log på igen, og send det en gang "
             "til. Headeren WWW-Authenticate siger med max_age, hvor mange sekunder et login gælder til det."),
        Text("You must log in again first", "What you want to do needs a fresh login. Log in again, and send it once "
             "more. The header WWW-Authenticate says with max_age for how many seconds a login counts for it."),
    ),
    "token-missing": Entry(
        401,
        Text("Adgangstoken mangler", "Send headeren Authorization: Bearer med et adgangstoken."),
        Text("The access token is missing", "Send the header Authorization: Bearer with an access token."),
    ),
    "token-invalid": Entry(
        401,
        Text("Adgangstoken er ikke gyldigt", "Hent et nyt token hos udstederen; det kan være udløbet eller udstedt "
             "til noget andet."),
        Text("The access token is not valid", "Get a new token from the issuer; it may have expired or be meant for "
             "something else."),
    ),
    "role-not-allowed": Entry(
        403,
        Text("Rollen giver ikke adgang", "Log ind i den rolle, som siden er til for."),
        Text("The role gives no access", "Sign in in the role that this is meant for."),
    ),
    "too-many-attempts": Entry(
        429,
        Text("Der er prøvet for mange forkerte frikortnumre eller fødselsdatoer", "Vent, som headeren Retry-After "
             "siger, og spørg borgeren igen."),
        Text("Too many wrong card numbers or birth dates were tried", "Wait as the header Retry-After says, and ask "
             "the citizen again."),
    ),
    "dry-run-too-late": Entry(
        409,
        Text("Ansættelsen er slut for længe siden til en prøveberegning", "Indberet lønnen; svaret viser, hvordan den "
             "fordeles.", "Prøveberegninger er mulige i {days} dage efter den sidste dag."),
        Text("The employment ended too long ago for a dry run", "Report the wage; the answer shows how it is split.",
             "Dry runs are possible for {days} days after the last day."),
    ),
    "outcome-unknown": Entry(
        404,
        Text("Kommandoen findes ikke", "Kontrollér id'et. Kun den, der sendte kommandoen, kan se dens udfald."),
        Text("No such command", "Check the id. Only the sender of a command can see its outcome."),
    ),
    "extract-unknown": Entry(
        404,
        Text("Udtrækket findes ikke", "Kontrollér id'et, eller bestil udtrækket."),
        Text("No such extract", "Check the id, or request the extract."),
    ),
    "extract-not-ready": Entry(
        409,
        Text("Udtrækket er ikke færdigt", "Vent, til udtrækkets status er \"done\"."),
        Text("The extract is not ready", "Wait until the extract's status is \"done\"."),
    ),
    "extract-expired": Entry(
        410,
        Text("Udtrækkets filer er slettet", "Bestil udtrækket igen. Filerne slettes efter {days} dage."),
        Text("The files of the extract are deleted", "Request the extract again. Files are deleted after {days} days."),
    ),
    "range-not-satisfiable": Entry(
        416,
        Text("Filen slutter tidligere", "Hent hele filen, eller et stykke, der begynder før dens ende."),
        Text("The file ends before the range", "Download the whole file, or a range that begins before its end."),
    ),
    "evidence-not-ready": Entry(
        409,
        Text("Beviset er ikke underskrevet endnu", "Prøv igen om et halvt minut."),
        Text("The evidence is not signed yet", "Try again in half a minute."),
    ),
    "batch-unknown": Entry(
        404,
        Text("Lønfilen findes ikke", "Kontrollér id'et. En lønfil kan kun ses af den virksomhed, der sendte den."),
        Text("No such payroll file", "Check the id. A payroll file is seen only by the employer who sent it."),
    ),
    "batch-type-unsupported": Entry(
        415,
        Text("Filtypen kan ikke bruges", "Send JSON Lines med Content-Type: application/jsonl, eller CSV med "
             "Content-Type: text/csv."),
        Text("The type of file cannot be used", "Send JSON Lines with Content-Type: application/jsonl, or CSV with "
             "Content-Type: text/csv."),
    ),
    "batch-not-utf8": Entry(
        422,
        Text("Filen er ikke UTF-8", "Gem filen som \"CSV UTF-8\", og send den igen.",
             "Tegn på linje {line} kan ikke læses."),
        Text("The file is not UTF-8", "Save the file as \"CSV UTF-8\" and send it again.",
             "Characters on line {line} cannot be read."),
    ),
    "batch-columns-wrong": Entry(
        422,
        Text("Filens kolonner kan ikke bruges", "Den første linje skal være kolonnernes navne; ansættelse eller "
             "frikortnummer, reference, dage og løn skal være med.", "Der mangler: {missing}. Ukendte eller gentagne "
             "kolonner: nummer {strange}. Mulige kolonner: {danish} (beløb i kroner), eller {english} (beløb i øre)."),
        Text("The columns of the file cannot be used", "The first line must be the names of the columns; employment or "
             "card number, reference, days and wage must be there.", "Missing: {missing}. Unknown or repeated columns: "
             "number {strange}. Possible columns: {danish} (amounts in kroner), or {english} (amounts in øre)."),
    ),
    "batch-empty": Entry(
        422,
        Text("Filen er tom", "Send en fil med en linje for hver indberetning."),
        Text("The file is empty", "Send a file with a line for each report."),
    ),
    "batch-in-progress": Entry(
        409,
        Text("Lønfilen er ved at blive modtaget eller ændret", "Prøv igen om lidt med samme Idempotency-Key."),
        Text("The payroll file is being received or changed", "Try again in a while with the same Idempotency-Key."),
    ),
    "batch-cancelled": Entry(
        409,
        Text("Lønfilen er annulleret", "Send filen igen med en ny Idempotency-Key."),
        Text("The payroll file is cancelled", "Send the file again with a new Idempotency-Key."),
    ),
    "batch-booked": Entry(
        409,
        Text("Lønfilen er ved at blive bogført eller er bogført", "Træk de indberetninger tilbage, som ikke skulle "
             "være sendt."),
        Text("The payroll file is being booked or is booked", "Withdraw the reports that should not have been sent."),
    ),
    "not-found": Entry(
        404,
        Text("Siden findes ikke", "Se adresserne i /v1/openapi.json."),
        Text("Nothing is here", "See the addresses in /v1/openapi.json."),
    ),
    "method-not-allowed": Entry(
        405,
        Text("Metoden kan ikke bruges her", "Se headeren Allow."),
        Text("The method cannot be used here", "See the header Allow."),
    ),
    "body-too-large": Entry(
        413,
        Text("Indholdet er for stort", "Send højst 64 KB ad gangen og kun de felter, der er beskrevet. En lønfil må "
             "fylde 32 MB og have 100.000 linjer: del den op."),
        Text("The body is too large", "Send at most 64 KB at a time, and only the documented fields. A payroll file "
             "may have 32 MB and 100,000 lines: divide it."),
    ),
    "request-timeout": Entry(
        408,
        Text("Indholdet kom for langsomt", "Send det igen med samme Idempotency-Key."),
        Text("The body arrived too slowly", "Send it again with the same Idempotency-Key."),
    ),
    "too-many-requests": Entry(
        429,
        Text("For mange forespørgsler på én gang", "Vent, som headeren Retry-After siger, og send færre ad gangen."),
        Text("Too many requests at once", "Wait as the header Retry-After says, and send fewer at a time."),
    ),
    "media-type-unsupported": Entry(
        415,
        Text("Indholdstypen kan ikke bruges", "Send JSON i UTF-8 med Content-Type: application/json."),
        Text("The media type cannot be used", "Send JSON in UTF-8 with Content-Type: application/json."),
    ),
    "temporarily-unavailable": Entry(
        503,
        Text("Systemet er midlertidigt utilgængeligt", "Prøv igen om lidt med samme Idempotency-Key; intet bliver "
             "gjort to gange."),
        Text("The system is temporarily unavailable", "Try again in a while with the same Idempotency-Key; nothing is "
             "done twice."),
    ),
    "too-many-streams": Entry(
        429,
        Text("Der er åbnet for mange strømme af ændringer", "Luk nogle af dem, eller hent selv oplysningerne igen."),
        Text("Too many streams of changes are open", "Close some of them, or fetch the data again yourself."),
    ),
    "too-busy": Entry(
        503,
        Text("Der er for travlt lige nu", "Intet er gemt. Prøv igen om nogle sekunder, med samme nøgle."),
        Text("There is too much to do just now", "Nothing was kept. Try again in some seconds, under the same key."),
    ),
    "internal-error": Entry(
        500,
        Text("Der er sket en fejl", "Prøv igen med samme Idempotency-Key. Bliver det ved, så kontakt driften, og "
             "oplys \"instance\"."),
        Text("Something went wrong", "Try again with the same Idempotency-Key. If it goes on, contact the operator "
             "and state \"instance\"."),
    ),
}  # fmt: skip
