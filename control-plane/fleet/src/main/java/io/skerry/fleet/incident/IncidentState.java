package io.skerry.fleet.incident;

/** Where an incident stands. Names are wire values. */
public enum IncidentState {
  /** Inputs or outputs of a cohort have moved; whether that hurts is not known. */
  OPEN,
  /** Actual outcomes show that accuracy fell there. */
  HARM_CONFIRMED,
  RESOLVED
}
