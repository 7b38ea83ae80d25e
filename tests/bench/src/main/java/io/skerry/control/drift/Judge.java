package io.skerry.control.drift;

/** Judges due windows at once, for who measures it. */
public final class Judge {
  private final DriftService service;

  /**
   * The plane's judge.
   *
   * @param service a bean of type {@link #type}
   */
  public Judge(Object service) {
    this.service = (DriftService) service;
  }

  /** The type to ask a plane for. */
  public static Class<?> type() {
    return DriftService.class;
  }

  /** Judges all windows that are due. */
  public void judgeDue() {
    service.judgeDue();
  }
}
