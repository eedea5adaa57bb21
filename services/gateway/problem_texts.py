"""The catalogue's texts: for every problem its status, and in Danish and English a title and what to do about it.

``explain`` is added to the remedy when all the facts that it names are known; money and dates are formatted.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from frikort_contracts.outcomes import Problem


class Text(NamedTuple):
    """A problem in one language."""

    title: str
    remedy: str
    explain: str = ""


class Entry(NamedTuple):
    """A problem's row in the catalogue."""

    status: int
    da: Text
    en: Text


CATALOGUE: Final[dict[str, Entry]] = {
    # Refused by the services
    Problem.CARD_EXISTS: Entry(
        409,
        Text("Borgeren har allerede et frikort", "En borger har ét frikort for livet. Søg det frem, eller bed den "
             "ansvarlige kommune om at overdrage det.", "Den ansvarlige kommune er {municipality}."),
        Text("The citizen already has a card", "A citizen has one card for life. Search for it, or ask the responsible "
             "municipality to hand it over.", "The responsible municipality is {municipality}."),
    ),
    Problem.CARD_UNKNOWN: Entry(
        404,
        Text("Frikortet findes ikke", "Kontrollér nummeret eller CPR-nummeret. Et frikort, som en anden kommune er "
             "ansvarlig for, kan ikke ses her."),
        Text("No such card", "Check the number or the CPR number. A card that another municipality is responsible for "
             "cannot be seen here."),
    ),
    Problem.CARD_ALREADY_ACTIVE: Entry(
        409,
        Text("Frikortet er allerede aktivt", "Der er intet at gøre."),
        Text("The card is already active", "There is nothing to do."),
    ),
    Problem.CARD_ALREADY_DEACTIVATED: Entry(
        409,
        Text("Frikortet er allerede deaktiveret", "Der er intet at gøre."),
        Text("The card is already deactivated", "There is nothing to do."),
    ),
    Problem.CARD_NUMBERS_EXHAUSTED: Entry(
        503,
        Text("Der kunne ikke findes et ledigt frikortnummer", "Prøv igen med en ny Idempotency-Key. Bliver det ved, "
             "så kontakt driften."),
        Text("No free card number was found", "Try again with a new Idempotency-Key. If it goes on, contact the "
             "operator."),
    ),
    Problem.SAME_MUNICIPALITY: Entry(
        409,
        Text("Frikortet hører allerede til den kommune", "Vælg den kommune, som borgeren er flyttet til."),
        Text("The card already belongs to that municipality", "Choose the municipality that the citizen moved to."),
    ),
    Problem.CONTROL_NOT_DUE: Entry(
        409,
        Text("Der skal ikke føres kontrol i år", "Der føres kontrol hvert andet kalenderår, og ikke i det år, hvor "
             "frikortet er udstedt.", "Den næste kontrol er senest i {due}."),
        Text("No control is due this year", "A control is made every second calendar year, and not in the year of "
             "issue.", "The next is due by the end of {due}."),
    ),
    Problem.MANDATE_UNKNOWN: Entry(
        404,
        Text("Fuldmagten findes ikke", "Kontrollér id'et. En fuldmagt kan være udløbet eller trukket tilbage; borgeren "
             "eller kommunen kan give en ny."),
        Text("No such mandate", "Check the id. A mandate may be over or withdrawn; the citizen or the municipality can "
             "give a new one."),
    ),
    Problem.MANDATE_ENDED: Entry(
        409,
        Text("Fuldmagten gælder ikke længere", "Der er intet at gøre."),
        Text("The mandate is over already", "There is nothing to do."),
    ),
    Problem.MANDATE_TO_SELF: Entry(
        422,
        Text("Fuldmagten er til borgeren selv", "Angiv CPR-nummeret på den, der skal have fuldmagten."),
        Text("The mandate is to the citizen themselves", "State the CPR number of the one who is to have it."),
    ),
    Problem.MANDATE_DATE_OUT_OF_RANGE: Entry(
        422,
        Text("Fuldmagten kan ikke slutte den dag", "Vælg en anden sidste dag.",
             "Den sidste dag kan tidligst være {first_day} og senest {last_day}."),
        Text("The mandate cannot end on that day", "Choose another last day.",
             "Its last day is {first_day} at the earliest and {last_day} at the latest."),
    ),
    Problem.TOO_MANY_MANDATES: Entry(
        409,
        Text("Der er givet så mange fuldmagter, som der kan være", "Der kan være 20 ad gangen. Træk en tilbage, som "
             "ikke bruges længere."),
        Text("There are as many mandates as there can be", "There can be 20 at a time. Withdraw one that is not used "
             "any more."),
    ),
    Problem.NUMBER_OR_BIRTH_DATE_WRONG: Entry(
        404,
        Text("Frikortnummer eller fødselsdato passer ikke", "Spørg borgeren om nummer og fødselsdato, og om frikortet "
             "er aktivt i perioden."),
        Text("Card number or birth date does not match", "Ask the citizen for the number and the birth date, and "
             "whether the card is active in the period."),
    ),
    Problem.OWN_BUSINESS: Entry(
        422,
        Text("Frikortet kan ikke bruges i borgerens egen virksomhed", "Arbejdet skal være ordinært og for en anden "
             "arbejdsgiver. Udbetal og indberet lønnen på sædvanlig vis."),
        Text("The card cannot be used in the citizen's own business", "The work must be ordinary and for another "
             "employer. Pay and report the wage in the usual way."),
    ),
    Problem.EMPLOYMENT_EXISTS: Entry(
        409,
        Text("Ansættelsen er allerede registreret", "Brug den ansættelse, der findes, eller vælg en periode, der ikke "
             "overlapper den."),
        Text("The employment is already registered", "Use the one that exists, or choose a period that does not "
             "overlap it."),
    ),
    Problem.EMPLOYMENT_UNKNOWN: Entry(
        404,
        Text("Ansættelsen findes ikke", "Kontrollér id'et, eller registrér ansættelsen først."),
        Text("No such employment", "Check the id, or register the employment first."),
    ),
    Problem.EMPLOYMENT_HAS_REPORTS_OUTSIDE: Entry(
        409,
        Text("Der er indberetninger uden for den nye periode", "Ret eller tilbagekald dem først, eller vælg en "
             "periode, der dækker dem."),
        Text("There are reports outside the new period", "Correct or withdraw them first, or choose a period that "
             "covers them."),
    ),
    Problem.NO_WORK_OUTSIDE_EMPLOYMENT: Entry(
        422,
        Text("Dagene ligger uden for ansættelsen", "Vælg dage, der ligger i ansættelsen.",
             "Ansættelsen begynder {employment_first}."),
        Text("The days lie outside the employment", "Choose days that lie in the employment.",
             "The employment begins on {employment_first}."),
    ),
    Problem.NO_WORK_IN_FUTURE: Entry(
        422,
        Text("Dagene ligger i fremtiden", "Vælg dage til og med i dag."),
        Text("The days lie in the future", "Choose days up to today."),
    ),
    Problem.CARD_NOT_ACTIVE: Entry(
        422,
        Text("Frikortet var ikke aktivt på alle arbejdsdagene", "Indberet kun arbejde på dage, hvor frikortet var "
             "aktivt. Anden løn udbetales og indberettes på sædvanlig vis.",
             "Den {first_day_not_active} var frikortet ikke aktivt."),
        Text("The card was not active on all the days of work", "Report only work on days when the card was active. "
             "Pay and report other wages in the usual way.", "On {first_day_not_active} the card was not active."),
    ),
    Problem.WORK_OUTSIDE_EMPLOYMENT: Entry(
        422,
        Text("Arbejdet ligger uden for ansættelsen", "Ret arbejdsperioden eller ansættelsens periode.",
             "Ansættelsen begynder {employment_first}."),
        Text("The work lies outside the employment", "Correct the work period or the employment's period.",
             "The employment begins on {employment_first}."),
    ),
    Problem.PAYMENT_IN_FUTURE: Entry(
        422,
        Text("Betalingsdagen ligger i fremtiden", "Indberet, når lønnen er betalt.",
             "Betalingsdagen er {payment_date}."),
        Text("The payment date lies in the future", "Report when the wage has been paid.",
             "The payment date is {payment_date}."),
    ),
    Problem.PAYMENT_BEFORE_WORK: Entry(
        422,
        Text("Betalingsdagen ligger før arbejdets begyndelse", "Ret betalingsdagen eller arbejdsperioden.",
             "Arbejdet begyndte {work_first}."),
        Text("The payment date lies before the work began", "Correct the payment date or the work period.",
             "The work began on {work_first}."),
    ),
    Problem.AMOUNT_ZERO: Entry(
        422,
        Text("Beløbet er nul", "Indberet det beløb, der er betalt. En fejlagtig indberetning tilbagekaldes."),
        Text("The amount is zero", "Report the amount that was paid. Withdraw a report that was made in error."),
    ),
    Problem.AMOUNT_TOO_LARGE: Entry(
        422,
        Text("Beløbet er for stort", "En indberetning kan højst være på 1.000.000,00 kr. Beløb angives i øre."),
        Text("The amount is too large", "A report is at most 1,000,000.00 kr. Amounts are in øre."),
    ),
    Problem.YEAR_WITHOUT_ALLOWANCE: Entry(
        422,
        Text("Året har ingen beløbsgrænse", "Kontrollér betalingsdagen. Er den rigtig, så prøv igen, når årets "
             "beløbsgrænse er fastsat.", "Året er {year}."),
        Text("The year has no allowance", "Check the payment date. If it is right, try again when the year's "
             "allowance has been set.", "The year is {year}."),
    ),
    Problem.YEAR_PROVISIONAL: Entry(
        422,
        Text("Årets beløbsgrænse er foreløbig", "Prøv igen, når årets beløbsgrænse er endelig.", "Året er {year}."),
        Text("The year's allowance is provisional", "Try again when the year's allowance is final.",
             "The year is {year}."),
    ),
    Problem.REFERENCE_REUSED: Entry(
        409,
        Text("Referencen er brugt til en anden indberetning", "Brug en ny reference, eller ret den tidligere "
             "indberetning."),
        Text("The reference was used for another report", "Use a new reference, or correct the earlier report."),
    ),
    Problem.POSSIBLE_DUPLICATE: Entry(
        409,
        Text("Indberetningen ligner en, der er modtaget", "Er det en anden betaling, så send den med "
             "\"allow_duplicate\": true og en ny Idempotency-Key. Ellers er der intet at gøre."),
        Text("The report looks like one already received", "If it is another payment, send it with "
             "\"allow_duplicate\": true and a new Idempotency-Key. Otherwise there is nothing to do."),
    ),
    Problem.REPORT_UNKNOWN: Entry(
        404,
        Text("Indberetningen findes ikke", "Kontrollér id'et. En indberetning kan kun ses af dem, den angår, og kun "
             "rettes af den virksomhed, der lavede den."),
        Text("No such report", "Check the id. A report is seen only by those whom it concerns, and corrected only by "
             "the employer who made it."),
    ),
    Problem.REPORT_WITHDRAWN: Entry(
        409,
        Text("Indberetningen er tilbagekaldt", "Den tæller ikke med. En ny indberetning skal have en ny reference."),
        Text("The report is withdrawn", "It does not count. A new report needs a new reference."),
    ),
    Problem.PAYMENT_YEAR_CHANGED: Entry(
        422,
        Text("En rettelse kan ikke flytte betalingen til et andet år", "Tilbagekald indberetningen, og lav en ny.",
             "Betalingsåret er {year}."),
        Text("A correction cannot move the payment to another year", "Withdraw the report and make a new one.",
             "The year of payment is {year}."),
    ),
    Problem.REPORT_ALREADY_DISPUTED: Entry(
        409,
        Text("Der er allerede gjort opmærksom på, at indberetningen ikke er rigtig", "Arbejdsgiveren kan se det. Træk "
             "det tilbage først, hvis der skal skrives noget andet."),
        Text("It has already been said that the report is not right", "The employer can see it. Take it back first if "
             "something else is to be said."),
    ),
    Problem.REPORT_NOT_DISPUTED: Entry(
        409,
        Text("Der er ikke noget at trække tilbage", "Ingen har sagt, at indberetningen ikke er rigtig, eller "
             "arbejdsgiveren har svaret."),
        Text("There is nothing to take back", "Nobody has said that the report is not right, or the employer has "
             "answered."),
    ),
    # The gateway's own
    "mandate-view-only": Entry(
        403,
        Text("Fuldmagten giver kun lov til at se frikortet", "Bed borgeren eller kommunen om en fuldmagt til også at "
             "tale med arbejdsgivere."),
        Text("The mandate is only to see the card", "Ask the citizen or the municipality for one to talk to employers, "
             "too."),
    ),
    "malformed-json": Entry(
        400,
        Text("Indholdet er ikke gyldig JSON", "Ret indholdet, og send det igen."),
        Text("The body is not valid JSON", "Correct the body and send it again."),
    ),
    "invalid-request": Entry(
        422,
        Text("Forespørgslen har fejl", "Ret de felter, som er nævnt i \"errors\"."),
        Text("The request has errors", "Correct the fields named in \"errors\"."),
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
    "access-reason-missing": Entry(
        422,
        Text("Begrundelsen mangler", "Skriv, hvorfor du slår op: send headeren Access-Reason med 3 til 200 tegn, for "
             "eksempel sagens nummer. Borgeren kan læse den."),
        Text("The reason is missing", "Say why you look: send the header Access-Reason with 3 to 200 characters, such "
             "as the number of the case. The citizen can read it."),
    ),
    "access-reason-invalid": Entry(
        422,
        Text("Begrundelsen kan ikke bruges", "Skriv 3 til 200 tegn på én linje, uden CPR-nummer, frikortnummer og "
             "navn; for eksempel \"Opfølgning på sag 2025-0042\"."),
        Text("The reason cannot be used", "Write 3 to 200 characters on one line, without CPR number, card number and "
             "name; for example \"Follow-up on case 2025-0042\"."),
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
    "login-required": Entry(
        401,
        Text("Du er ikke logget på", "Log på igen. Efter en pause bliver du logget af, så andre ikke kan se dine "
             "oplysninger."),
        Text("You are not logged on", "Log on again. After a pause you are logged off, so that nobody else can see "
             "your information."),
    ),
    "login-cancelled": Entry(
        400,
        Text("Du afbrød login", "Log på igen, når du vil."),
        Text("You cancelled the login", "Log on again when you like."),
    ),
    "login-failed": Entry(
        400,
        Text("Login lykkedes ikke", "Begynd forfra med at logge på. Det sker, når login tager for lang tid, eller "
             "siden er åben i flere faner."),
        Text("The login failed", "Start to log on again. This happens when logging on takes too long, or is done in "
             "several tabs."),
    ),
    "login-role-missing": Entry(
        403,
        Text("Dit login giver ikke adgang her", "Vælg den indgang, der passer til dig, eller log på som en anden. "
             "Mangler du en rettighed, kan din administrator give den."),
        Text("Your login gives no access here", "Choose the entrance that is yours, or log on as someone else. If you "
             "lack a right, your administrator can give it."),
    ),
    "login-unavailable": Entry(
        503,
        Text("Man kan ikke logge på lige nu", "Login-tjenesten svarer ikke. Prøv igen om nogle minutter; intet er gået "
             "tabt."),
        Text("Nobody can log on just now", "The login service does not answer. Try again in some minutes; nothing is "
             "lost."),
    ),
    "form-refused": Entry(
        403,
        Text("Formularen blev ikke sendt fra din egen side", "Gå tilbage, hent siden igen, og send formularen derfra. "
             "Intet er ændret."),
        Text("The form did not come from your own page", "Go back, load the page again, and send the form from there. "
             "Nothing was changed."),
    ),
    "too-many-attempts": Entry(
        429,
        Text("Der er prøvet for mange forkerte frikortnumre eller fødselsdatoer", "Vent, som headeren Retry-After "
             "siger, og spørg borgeren igen."),
        Text("Too many wrong card numbers or birth dates were tried", "Wait as the header Retry-After says, and ask "
             "the citizen again."),
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
        Text("Lønfilen er ved at blive bogført eller er bogført", "Tilbagekald de indberetninger, som ikke skulle være "
             "sendt."),
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
        Text("Indholdet er for stort", "Send højst 1 MB ad gangen. En lønfil må fylde 32 MB og have 100.000 linjer: "
             "del den op."),
        Text("The body is too large", "Send at most 1 MB at a time. A payroll file may have 32 MB and 100,000 lines: "
             "divide it."),
    ),
    "media-type-unsupported": Entry(
        415,
        Text("Indholdstypen kan ikke bruges", "Send JSON med Content-Type: application/json."),
        Text("The media type cannot be used", "Send JSON with Content-Type: application/json."),
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
