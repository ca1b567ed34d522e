/** Shows `/openapi.json` with Swagger UI. The online validator is switched off: no other server is asked. */
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#operations", deepLinking: true, validatorUrl: null });
