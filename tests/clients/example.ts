// A program that uses the generated types: the body and the answer of a report.
import type { paths } from "./frikort";

type Report = paths["/v1/reports"]["post"];
export type Body = Report["requestBody"]["content"]["application/json"];
export type Answer = Report["responses"][201]["content"]["application/json"];

export const reference = (body: Body): string => body.reference;
