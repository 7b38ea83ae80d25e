package io.skerry.control.drift;

import io.skerry.wire.fleet.v1.ModelRef;

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

  /**
   * Judges one window, whatever is stored of later ones.
   *
   * @return whether it could be judged
   */
  public boolean judge(ModelRef model, long windowMillis, long window) {
    return service.judged(new Track(model.getSlot(), model.getModel(), windowMillis), window);
  }
}
