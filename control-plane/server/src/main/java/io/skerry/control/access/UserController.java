package io.skerry.control.access;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.skerry.api.Page;
import io.skerry.api.UserCreated;
import io.skerry.api.UserRequest;
import io.skerry.api.UserView;
import io.skerry.control.audit.Actor;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.util.regex.Pattern;

/** Users. */
@Controller("/v1/users")
@Allowed(Role.ADMIN)
final class UserController {
  private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9._@-]{0,62}[a-z0-9])?");

  private final Users users;

  UserController(Users users) {
    this.users = users;
  }

  @Get
  Page<UserView> list() {
    return Page.only(
        users.all().stream()
            .map(user -> new UserView(user.name(), user.role().wireName(), user.createdAt()))
            .toList());
  }

  @Post
  HttpResponse<UserCreated> create(Actor actor, @Body UserRequest request) {
    Role role =
        Role.ofWireName(request.role())
            .orElseThrow(
                () ->
                    new ProblemException(
                        ErrorCode.REQUEST_INVALID,
                        "role '%s' is unknown: use viewer, operator, approver, auditor or admin"
                            .formatted(request.role())));
    if (!NAME.matcher(request.name()).matches()) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "user name '%s' must be 1 to 64 of a-z, 0-9, '.', '_', '@', '-'"
              .formatted(request.name()));
    }
    String token = users.create(actor, request.name(), role);
    return HttpResponse.created(new UserCreated(request.name(), role.wireName(), token));
  }
}
