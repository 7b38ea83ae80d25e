package io.skerry.api;

/** Whether devices can get a variant. */
public enum VariantState {
  /** Another candidate for the profile was better. */
  NOT_CHOSEN,
  /** Chosen and stored; no rollout takes it before the release key's holders signed. */
  AWAITING_SIGNATURE,
  /** Chosen and signed: what devices of the profile get. */
  RELEASED
}
