"""Problems for which the services refuse a command."""

from __future__ import annotations

from typing import Final

from frikort_contracts.outcomes import Problem

from services.gateway.problem_texts.entry import Entry, Text

REFUSALS: Final[dict[str, Entry]] = {
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
        Text("Der er indberetninger uden for den nye periode", "Ret dem, eller træk dem tilbage, først, eller vælg en "
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
        Text("Beløbet er nul", "Skriv det, der er betalt: løn, feriepenge, ATP eller pension. Er intet betalt, er der "
             "intet at indberette. Træk en fejlagtig indberetning tilbage."),
        Text("The amount is zero", "State what was paid: wage, holiday pay, ATP or pension. If nothing was paid, there "
             "is nothing to report. Withdraw a report that was made in error."),
    ),
    Problem.AMOUNT_TOO_LARGE: Entry(
        422,
        Text("Beløbet er for stort", "En indberetning kan højst være på 1.000.000,00 kr. Beløb angives i øre."),
        Text("The amount is too large", "A report is at most 1,000,000.00 kr. Amounts are in øre."),
    ),
    Problem.AMOUNT_UNUSUAL: Entry(
        422,
        Text("Er beløbet rigtigt?", "Ret beløbet, hvis det er en tastefejl. Er det rigtigt, så send indberetningen med "
             "\"allow_large_amount\": true, i en fil med \"Tillad stort beløb\", og en ny Idempotency-Key.",
             "{total} er usædvanligt meget for en lønudbetaling."),
        Text("Is the amount right?", "Correct the amount if it is a typing error. If it is right, send the report with "
             "\"allow_large_amount\": true and a new Idempotency-Key.", "{total} is an unusual amount for a payment."),
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
    Problem.YEAR_CLOSED: Entry(
        409,
        Text("Året er lukket", "Indberetninger for et lukket år kan ikke laves, rettes eller trækkes tilbage, "
             "og indsigelser mod dem kan ikke afgøres. Kontrollér betalingsdagen. Er den rigtig, så prøv igen, hvis "
             "året bliver åbnet.", "Året er {year}."),
        Text("The year is closed", "Reports of a closed year cannot be made, corrected or withdrawn, and disputes "
             "about them cannot be decided. Check the payment date. If it is right, try again if the year is opened.",
             "The year is {year}."),
    ),
    Problem.REFERENCE_REUSED: Entry(
        409,
        Text("Referencen er brugt til en anden indberetning", "Brug en ny reference, eller ret den tidligere "
             "indberetning.", "Den er brugt i linje {line}."),
        Text("The reference was used for another report", "Use a new reference, or correct the earlier report.",
             "It is used in line {line}."),
    ),
    Problem.POSSIBLE_DUPLICATE: Entry(
        409,
        Text("Indberetningen ligner en, der er modtaget", "Er det en anden betaling, så send den med "
             "\"allow_duplicate\": true og en ny Idempotency-Key. Ellers er der intet at gøre.",
             "Den ligner linje {line}."),
        Text("The report looks like one already received", "If it is another payment, send it with "
             "\"allow_duplicate\": true and a new Idempotency-Key. Otherwise there is nothing to do.",
             "It looks like line {line}."),
    ),
    Problem.TOO_MANY_REPORTS: Entry(
        409,
        Text("Frikortet har for mange indberetninger", "Kontrollér, om det samme bliver indberettet flere gange under "
             "nye referencer. Er alle rigtige, så kontakt driften. En forkert indberetning kan stadig trækkes tilbage.",
             "Der kan højst være {most} indberetninger og rettelser på et frikort med betaling i {year}."),
        Text("The card has too many reports", "Check whether the same is reported several times under new references. "
             "If all are right, contact the operator. A wrong report can still be withdrawn.",
             "A card has at most {most} reports and corrections with payment in {year}."),
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
        Text("Indberetningen er trukket tilbage", "Den tæller ikke med. En ny indberetning skal have en ny reference."),
        Text("The report is withdrawn", "It does not count. A new report needs a new reference."),
    ),
    Problem.REPORT_CHANGED: Entry(
        409,
        Text("Indberetningen er ændret imens", "Se den igen, og ret den, hvis den stadig ikke er rigtig.",
             "Den er rettet og er nu på {total} med betalingsdagen {payment_date}."),
        Text("The report was changed in the meantime", "Look at it again, and correct it if it is still not right.",
             "It was corrected and is now {total} with the payment date {payment_date}."),
    ),
    Problem.PAYMENT_YEAR_CHANGED: Entry(
        422,
        Text("En rettelse kan ikke flytte betalingen til et andet år", "Træk indberetningen tilbage, og lav en ny.",
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
        Text("Der er ingen åben indsigelse mod indberetningen", "Ingen har sagt, at den ikke er rigtig, eller det er "
             "trukket tilbage, eller arbejdsgiveren har rettet indberetningen eller trukket den tilbage."),
        Text("The report is not in dispute", "Nobody has said that it is not right, or that was taken back, or the "
             "employer has corrected or withdrawn the report."),
    ),
    Problem.DISPUTE_DECIDED: Entry(
        409,
        Text("Kommunen har afgjort sagen", "Skal indberetningen rettes, så ret den, eller træk den tilbage. Står den "
             "ved magt, og er der noget nyt, så tal med kommunen."),
        Text("The municipality has decided", "If the report must be corrected, correct or withdraw it. If it stands, "
             "and there is something new, talk to the municipality."),
    ),
    Problem.DISPUTE_CHANGED: Entry(
        409,
        Text("Indsigelsen er ændret imens", "Der er kommet et svar, en afgørelse eller en ny indsigelse. Se den igen, "
             "og afgør den, hvis afgørelsen stadig er den rigtige."),
        Text("The dispute was changed in the meantime", "There is an answer, a decision or another dispute. Look at it "
             "again, and decide if the decision is still the right one."),
    ),
}  # fmt: skip
