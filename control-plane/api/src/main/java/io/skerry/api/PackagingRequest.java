package io.skerry.api;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Asks for variants of a version.
 *
 * @param profiles hardware profiles; those of the enrolled devices when absent
 * @param emulatedItems evaluation items, to {@value #EMULATED_ITEMS_MAX}, that run under emulation
 *     where the server's machine lacks a profile's instructions, to prove the accuracy; as many as
 *     in the last packaging of these profiles when absent, none when 0
 * @param judging how variants are judged this time; as its import said when absent
 */
public record PackagingRequest(
    @Nullable List<String> profiles, @Nullable Integer emulatedItems, @Nullable Judging judging) {
  /** Enough items to see a broken kernel, few enough to wait for. */
  public static final int EMULATED_ITEMS = 400;

  /** More items would take hours. */
  public static final int EMULATED_ITEMS_MAX = 10_000;
}
