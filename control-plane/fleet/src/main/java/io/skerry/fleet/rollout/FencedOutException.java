package io.skerry.fleet.rollout;

/** Another replica has taken the rollout over; nothing of the refused step was kept. */
public final class FencedOutException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public FencedOutException(Lease lease) {
    super(
        "%s no longer holds rollout %s: its token %d is not the newest"
            .formatted(lease.holder(), lease.rollout(), lease.token()));
  }
}
