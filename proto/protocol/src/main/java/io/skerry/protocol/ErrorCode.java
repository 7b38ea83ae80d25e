package io.skerry.protocol;

/**
 * Why something was refused or failed, and what the caller may do next. Names are wire values: they
 * are never renamed, only added.
 */
public enum ErrorCode {
  ARTIFACT_DIGEST_MISMATCH(Retry.SAME_CALL),
  ARTIFACT_NOT_FOUND(Retry.AFTER_FIX),
  ARTIFACT_MALFORMED(Retry.NEVER),
  ARTIFACT_SIGNATURE_INVALID(Retry.NEVER),
  ARTIFACT_TOO_LARGE(Retry.AFTER_FIX),
  DOWNLOAD_FAILED(Retry.SAME_CALL),
  IDENTITY_UNUSABLE(Retry.AFTER_FIX),
  STORAGE_FULL(Retry.AFTER_FIX),
  STORAGE_FAILED(Retry.SAME_CALL),
  PROFILE_UNSUPPORTED(Retry.AFTER_FIX),
  ENGINE_UNAVAILABLE(Retry.AFTER_FIX),
  MODEL_LOAD_FAILED(Retry.NEVER),
  GOLDEN_MISMATCH(Retry.NEVER),
  ACCEPTANCE_LATENCY(Retry.AFTER_FIX),
  ACCEPTANCE_MEMORY(Retry.AFTER_FIX),
  PROBATION_FAILED(Retry.NEVER),
  CRASH_LOOP(Retry.NEVER),
  DOWNLOAD_BUDGET_SPENT(Retry.AFTER_FIX),
  ROOT_INVALID(Retry.NEVER),
  SNAPSHOT_EXPIRED(Retry.SAME_CALL),
  SNAPSHOT_INVALID(Retry.NEVER),
  RELEASE_NOT_DELEGATED(Retry.AFTER_FIX),
  RELEASE_COUNTER_TOO_LOW(Retry.AFTER_FIX),
  DESIRED_EXPIRED(Retry.AFTER_FIX),
  DESIRED_MALFORMED(Retry.NEVER),
  DESIRED_SIGNATURE_INVALID(Retry.NEVER),
  DESIRED_UNSUPPORTED(Retry.AFTER_FIX),
  SUPERSEDED(Retry.NEVER),
  /** Another slot of the same unit did not hold. */
  UNIT_BROKEN(Retry.AFTER_FIX),
  /** What is on trial cannot answer requests that are made for the version beside it. */
  TRIAL_UNFIT(Retry.AFTER_FIX),
  INTERNAL(Retry.SAME_CALL),

  REQUEST_INVALID(Retry.AFTER_FIX),
  NOT_AUTHENTICATED(Retry.AFTER_FIX),
  NOT_ALLOWED(Retry.AFTER_FIX),
  NOT_FOUND(Retry.AFTER_FIX),
  ALREADY_EXISTS(Retry.AFTER_FIX),
  PRECONDITION_REQUIRED(Retry.AFTER_RELOAD),
  CHANGED_MEANWHILE(Retry.AFTER_RELOAD),
  STATE_CONFLICT(Retry.AFTER_RELOAD),
  DATASET_INVALID(Retry.AFTER_FIX),
  RUN_FAILED(Retry.AFTER_FIX),
  PACKAGING_FAILED(Retry.AFTER_FIX),
  UNAVAILABLE(Retry.SAME_CALL);

  /** What may be done next. */
  public enum Retry {
    /** The same call may succeed later. */
    SAME_CALL,
    /** Read the current state first. */
    AFTER_RELOAD,
    /** Somebody must change something first. */
    AFTER_FIX,
    /** This will never succeed. */
    NEVER
  }

  private final Retry retry;

  ErrorCode(Retry retry) {
    this.retry = retry;
  }

  /** What the caller may do next. */
  public Retry retry() {
    return retry;
  }
}
