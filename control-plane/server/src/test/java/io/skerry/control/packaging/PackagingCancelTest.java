package io.skerry.control.packaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.api.WorkState;
import io.skerry.control.audit.Actor;
import io.skerry.control.sql.TestPlane;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class PackagingCancelTest {
  private static final Actor ANA = new Actor("ana", "request-1");

  @Test
  void stopsWhatWaitsAndLeavesAloneWhatHasEnded(@TempDir Path folder) throws IOException {
    ModelVersion version = new ModelVersion(new ModelName("cats"), 1);
    try (TestPlane plane = TestPlane.start(folder)) {
      PackagingService service = plane.bean(PackagingService.class);
      plane
          .database()
          .run(
              transaction -> {
                transaction.update(
                    """
                    insert into model_version (model, version, source, format, blob, created_at)
                    values ('cats', 1, 'import', 'onnx', 'x', now())
                    """);
                transaction.update(
                    """
                    insert into job (id, kind, subject, state, created_at)
                    values ('job-1', 'package', 'cats@1', 'QUEUED', now())
                    """);
                transaction.update(
                    """
                    insert into packaging
                      (job, model, version, profiles, release_counter, state, created_at)
                    values ('job-1', 'cats', 1, ?, 1, 'QUEUED', now())
                    """,
                    List.of("arm64-neon"));
              });

      assertThat(service.cancel(ANA, version).state()).isEqualTo(WorkState.CANCELLED);
      assertThat(service.cancel(ANA, version).state()).isEqualTo(WorkState.CANCELLED);
      assertThat(service.open()).isEmpty();
      assertThatThrownBy(() -> service.cancel(ANA, new ModelVersion(new ModelName("cats"), 2)))
          .isInstanceOf(ProblemException.class)
          .hasMessageContaining("cats@2");
    }
  }
}
