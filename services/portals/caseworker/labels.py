"""The API's codes as a caseworker reads them. One that is not here yet is shown as it is."""

from __future__ import annotations

from typing import Final

from services.portals.texts import N_

EVENTS: Final = {
    "issued": N_("Frikortet er udstedt"),
    "deactivated": N_("Frikortet er deaktiveret"),
    "reactivated": N_("Frikortet er genaktiveret"),
    "number-replaced": N_("Frikortet har fået nyt nummer"),
    "handed-over": N_("Frikortet er overdraget til en anden kommune"),
    "control-recorded": N_("Resultatet af en kontrol er registreret"),
    "mandate-granted": N_("Borgeren har givet en fuldmagt"),
    "mandate-withdrawn": N_("En fuldmagt er trukket tilbage"),
}
CONTROL_RESULTS: Final = {
    "upheld": N_("Borgeren opfylder stadig betingelserne"),
    "not-upheld": N_("Borgeren opfylder ikke længere betingelserne"),
}
REPLACEMENT_REASONS: Final = {
    "lost": N_("Kortet eller nummeret er væk"),
    "abused": N_("Andre har brugt nummeret"),
}
THRESHOLDS: Final = {
    "near": N_("80 procent af beløbsgrænsen er brugt"),
    "reached": N_("Beløbsgrænsen er nået"),
    "exceeded": N_("Beløbsgrænsen er overskredet"),
}
SCOPES: Final = {
    "view": N_("Se frikortet"),
    "represent": N_("Se frikortet, og tale med arbejdsgivere om det"),
}
MANDATE_STATUS: Final = {
    "active": N_("Gælder"),
    "expired": N_("Udløbet"),
    "withdrawn": N_("Trukket tilbage"),
}
SIDES: Final = {
    "citizen": N_("Borgeren"),
    "municipality": N_("Kommunen"),
    "mandate-holder": N_("En person med fuldmagt"),
}
DISPUTE_REASONS: Final = {
    "not-my-work": N_("Borgeren har ikke arbejdet der"),
    "wrong-amount": N_("Beløbet er forkert"),
    "wrong-dates": N_("Datoerne er forkerte"),
    "not-paid": N_("Lønnen er ikke betalt"),
    "other": N_("Noget andet"),
}
ANSWER_REASONS: Final = {
    "matches-payslip": N_("Beløbet svarer til lønsedlen"),
    "matches-work-records": N_("Dagene svarer til vagtplanen eller timesedlen"),
    "wage-paid": N_("Lønnen er betalt"),
    "worked-here": N_("Borgeren har arbejdet der"),
    "other": N_("Noget andet"),
}
DECISIONS: Final = {
    "report-stands": N_("Indberetningen er rigtig og står ved magt"),
    "employer-must-correct": N_("Arbejdsgiveren skal rette indberetningen eller trække den tilbage"),
}
REPORT_EVENTS: Final = {
    "reported": N_("Indberettet"),
    "corrected": N_("Rettet af arbejdsgiveren"),
    "withdrawn": N_("Trukket tilbage af arbejdsgiveren"),
    "disputed": N_("Indsigelse rejst"),
    "dispute-answered": N_("Arbejdsgiveren svarede, at indberetningen er rigtig"),
    "dispute-decided": N_("Kommunen har afgjort indsigelsen"),
    "dispute-ended": N_("Indsigelsen er slut"),
}
REPORT_REASONS: Final = {
    **DISPUTE_REASONS,
    **ANSWER_REASONS,
    **DECISIONS,
    "wrong-period": N_("Perioden var forkert"),
    "wrong-card": N_("Det var et forkert frikort"),
    "reported-twice": N_("Den var indberettet to gange"),
    "dispute-withdrawn": N_("Den blev trukket tilbage"),
    "report-corrected": N_("Arbejdsgiveren rettede indberetningen"),
    "report-withdrawn": N_("Arbejdsgiveren trak indberetningen tilbage"),
}
