package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * In which order a disk is asked to write, to force and to rename, whoever it is: content before
 * its name, a name before the next step builds on it, counts before what they count goes.
 */
interface DiskOrderContract {
  /** A spool with its key, before the first record. */
  List<String> OPENED =
      all(
          List.of("folder spool", "force ."),
          Stream.of("samples", "windows", "feedback", "events")
              .flatMap(stream -> Stream.of("folder spool/" + stream, "force spool"))
              .toList(),
          List.of(
              "write spool-key.part",
              "force spool-key.part",
              "move spool-key.part spool-key",
              "force ."),
          List.of("write spool/account", "force spool/account", "force spool"),
          saved());

  /** Both copies of the account, one after the other. */
  private static List<String> saved() {
    return List.of(
        "write spool/account", "force spool/account", "write spool/account", "force spool/account");
  }

  @SafeVarargs
  private static List<String> all(List<String>... parts) {
    List<String> all = new ArrayList<>();
    for (List<String> part : parts) {
      all.addAll(part);
    }
    return List.copyOf(all);
  }

  /**
   * What the disk was asked, by names below the act's folder, which is {@code .} itself: {@code
   * write}, {@code cut}, {@code force}, {@code move}, {@code delete}, and {@code folder} for one
   * that was made. Of several writes to one file in a row the first.
   */
  List<String> asked(DiskAct act) throws Exception;

  @Test
  default void aDocumentIsForcedBeforeItTakesItsNameAndTheOneBeforeIsKept() throws Exception {
    assertThat(asked(DiskAct.DOCUMENTS))
        .containsExactly(
            "write state.part",
            "force state.part",
            "move state.part state",
            "force .",
            "write state.before.part",
            "force state.before.part",
            "move state.before.part state.before",
            "force .",
            "write state.part",
            "force state.part",
            "move state.part state",
            "force .");
  }

  @Test
  default void soIsASecret() throws Exception {
    assertThat(asked(DiskAct.SECRET))
        .containsExactly("write key.part", "force key.part", "move key.part key", "force .");
  }

  @Test
  default void recordsAreForcedAndThenTheNameOfTheirSegmentOnce() throws Exception {
    assertThat(asked(DiskAct.RECORDS))
        .isEqualTo(
            all(
                OPENED,
                List.of(
                    "write spool/events/1-1.seg",
                    "force spool/events/1-1.seg",
                    "force spool/events",
                    "write spool/events/1-1.seg",
                    "force spool/events/1-1.seg")));
  }

  @Test
  default void whatIsCommittedIsDeletedAndTheMarkIsForcedAtTheEnd() throws Exception {
    assertThat(asked(DiskAct.COMMITTED_RECORDS))
        .isEqualTo(
            all(
                OPENED,
                List.of(
                    "write spool/events/1-1.seg",
                    "force spool/events/1-1.seg",
                    "force spool/events",
                    "delete spool/events/1-1.seg"),
                saved()));
  }

  @Test
  default void whatIsDroppedIsCountedOnTheDiskBeforeItGoes() throws Exception {
    assertThat(asked(DiskAct.DROPPED_RECORDS))
        .isEqualTo(
            all(
                OPENED,
                List.of(
                    "write spool/events/1-1.seg",
                    "force spool/events/1-1.seg",
                    "force spool/events",
                    "write spool/events/1-2.seg",
                    "force spool/events/1-2.seg",
                    "force spool/events"),
                saved(),
                List.of(
                    "delete spool/events/1-1.seg",
                    "write spool/events/1-3.seg",
                    "force spool/events/1-3.seg",
                    "force spool/events")));
  }

  @Test
  default void windowsAreForcedBeforeTheCheckpointThatNoLongerHoldsThem() throws Exception {
    assertThat(asked(DiskAct.OPEN_WINDOWS))
        .isEqualTo(
            all(
                OPENED,
                List.of(
                    "write spool/windows/1-1.seg",
                    "force spool/windows/1-1.seg",
                    "force spool/windows",
                    "write spool/open-windows-1",
                    "force spool/open-windows-1",
                    "force spool",
                    "write spool/open-windows-0",
                    "force spool/open-windows-0",
                    "force spool")));
  }

  @Test
  default void aBlobIsForcedBeforeItTakesItsName() throws Exception {
    List<String> asked =
        asked(DiskAct.DOWNLOAD).stream()
            .map(call -> call.replaceAll("[0-9a-f]{64}", "blob"))
            .toList();

    assertThat(asked)
        .containsExactly(
            "folder blobs",
            "force .",
            "write blobs/blob.part",
            "cut blobs/blob.part",
            "write blobs/blob.part",
            "force blobs/blob.part",
            "move blobs/blob.part blobs/blob",
            "force blobs");
  }
}
