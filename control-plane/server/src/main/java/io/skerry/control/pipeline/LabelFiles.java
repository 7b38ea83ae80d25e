package io.skerry.control.pipeline;

import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.QueryValue;
import io.skerry.api.LabelTask;
import io.skerry.api.Retraining;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.dataset.Labelling;
import io.skerry.control.web.Csv;

/** What people judge, and what came of it, as files. */
@Controller("/v1")
@Allowed(Role.VIEWER)
final class LabelFiles {
  private static final int ROWS_MAX = 10_000;

  private final Labelling labelling;
  private final Retrainings retrainings;

  LabelFiles(Labelling labelling, Retrainings retrainings) {
    this.labelling = labelling;
    this.retrainings = retrainings;
  }

  @Get("/labels.csv")
  MutableHttpResponse<String> labels(@QueryValue(defaultValue = "OPEN") String state) {
    return Csv.file("labels", LabelTask.class, labelling.list(state, "", ROWS_MAX));
  }

  @Get("/incidents/{id}/retrainings.csv")
  MutableHttpResponse<String> retrainings(String id) {
    return Csv.file(id + "-retrainings", Retraining.class, retrainings.of(id));
  }
}
