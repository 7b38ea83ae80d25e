package io.skerry.control.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.sql.TestPlane;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Generation;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import io.skerry.protocol.TenantId;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class DeviceReportsTest {
  @TempDir static Path root;
  private static TestPlane plane;

  @BeforeAll
  static void start() throws IOException {
    plane = TestPlane.start(root);
    for (String device : List.of("cam-1", "cam-2")) {
      plane
          .database()
          .run(
              transaction -> {
                transaction.update(
                    """
                    insert into device (id, tenant, labels, facts, enrolled_at)
                    values (?, 'default', '{}', '{}', now())
                    """,
                    device);
                transaction.update(
                    """
                    insert into device_presence (device, online, boot_epoch) values (?, true, 1)
                    """,
                    device);
              });
    }
  }

  @AfterAll
  static void stop() throws IOException {
    plane.close();
  }

  @Test
  void keepsOfEachDeviceInABatchWhatItTellsOfItself() {
    store(
        report("cam-1", 1, "x86-64", List.of("avx2"), "left", "right"),
        report("cam-2", 1, "arm64", List.of("asimd"), "left"),
        report("stranger", 1, "arm64", List.of("asimd"), "left"));
    assertThat(profiles()).containsExactly("cam-1 x86-64-avx2", "cam-2 arm64-neon");
    assertThat(slots()).containsExactly("cam-1/left", "cam-1/right", "cam-2/left");

    assertThat(
            store(
                report("cam-1", 3, "x86-64", List.of("avx2"), "right"),
                report("cam-1", 2, "x86-64", List.of("avx2"), "left"),
                report("cam-2", 2, "x86-64", List.of("avx2"))))
        .extracting(ReportedDocument::sequence)
        .containsExactly(3L, 2L);
    assertThat(profiles()).containsExactly("cam-1 x86-64-avx2", "cam-2 x86-64-avx2");
    assertThat(slots()).containsExactly("cam-1/right");

    assertThat(store(report("cam-1", 2, "arm64", List.of("asimd"), "left"))).as("old").isEmpty();
    assertThat(profiles()).startsWith("cam-1 x86-64-avx2");
    assertThat(slots()).containsExactly("cam-1/right");
    isOfAnotherProfileOnceTheServerHasOthers();
  }

  /** A server that was started with other profiles finds the one that was matched before. */
  private static void isOfAnotherProfileOnceTheServerHasOthers() {
    plane
        .database()
        .run(
            transaction ->
                transaction.update("update device set profile = 'before' where id = 'cam-2'"));

    store(report("cam-2", 3, "x86-64", List.of("avx2")));

    assertThat(profiles()).containsExactly("cam-1 x86-64-avx2", "cam-2 x86-64-avx2");
  }

  private static List<ReportedDocument> store(ReportedDocument... reports) {
    return plane
        .database()
        .call(
            transaction ->
                plane.bean(DeviceReports.class).store(transaction, Arrays.asList(reports)));
  }

  private static ReportedDocument report(
      String device, long sequence, String arch, List<String> features, String... slots) {
    return new ReportedDocument(
        new TenantId("default"),
        new DeviceId(device),
        1,
        sequence,
        Instant.EPOCH,
        new Generation(1, 1),
        new Generation(1, 1),
        Arrays.stream(slots).map(DeviceReportsTest::idle).toList(),
        new DeviceFacts(arch, features, 4, 1L << 32, List.of(), List.of("onnxruntime"), ""),
        "test",
        Map.of(),
        DeviceHealth.UNKNOWN);
  }

  private static SlotReport idle(String slot) {
    return new SlotReport(
        new SlotId(slot),
        1,
        SlotPhase.IDLE,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        0,
        0);
  }

  private static List<String> profiles() {
    return texts("select id || ' ' || profile as told from device order by id");
  }

  private static List<String> slots() {
    return texts("select device || '/' || slot as told from device_slot_report order by 1");
  }

  private static List<String> texts(String sql) {
    return plane.database().call(transaction -> transaction.list(sql, row -> row.text("told")));
  }
}
