# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# What docs/containers.md takes for granted is a Docker host, which the test makes: images called app and web, containers of compose's.
#= Stopping without a failed request
docker wait web_of_the_reader
docker logs web_of_the_reader
docker run -d --name shop-backend-1 --label svcconnect.service=shop --label svcconnect.port=8080 app
