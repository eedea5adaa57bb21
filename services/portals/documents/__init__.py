"""PDF documents, tagged for screen readers (PDF/UA-1), with their own fonts, made without any service outside."""
