package io.skerry.control.dataset;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Consumes;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.QueryValue;
import io.skerry.api.DatasetBatch;
import io.skerry.api.Page;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.io.InputStream;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Training data. */
@Controller("/v1/datasets")
final class DatasetController {
  private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?");

  private final Datasets datasets;

  DatasetController(Datasets datasets) {
    this.datasets = datasets;
  }

  @Get
  @Allowed(Role.VIEWER)
  Page<DatasetBatch> list() {
    return Page.only(datasets.batches());
  }

  @Post("/{name}/batches/{batch}")
  @Consumes({"text/csv", MediaType.TEXT_PLAIN, MediaType.APPLICATION_OCTET_STREAM})
  @Allowed(Role.OPERATOR)
  HttpResponse<DatasetBatch> store(
      Actor actor,
      String name,
      String batch,
      @QueryValue(defaultValue = "30") int window,
      @Body @Nullable InputStream body)
      throws IOException {
    check("dataset", name);
    check("batch", batch);
    InputStream rows = body == null ? InputStream.nullInputStream() : body;
    try {
      return HttpResponse.created(datasets.store(actor, name, batch, window, rows));
    } catch (DatasetInvalidException e) {
      throw new ProblemException(ErrorCode.DATASET_INVALID, String.valueOf(e.getMessage()), e);
    }
  }

  private static void check(String what, String name) {
    if (!NAME.matcher(name).matches()) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "%s '%s' is not a name: use 1 to 64 of a-z, 0-9, '.', '_', '-', with a letter or digit"
                  .formatted(what, name)
              + " at both ends");
    }
  }
}
